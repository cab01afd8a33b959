"""``python -m auricle``: the command line, of whichever Python is asked."""

from auricle.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
