"""``python -m auricle``: the command line under this Python."""

from auricle.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
