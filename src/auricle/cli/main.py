"""The entry point of the command line: the version at once, every other command through the parser."""

import sys

from auricle import __version__
from auricle.errors import AuricleError

__all__ = ["main"]


def main() -> None:
    """Run the command line; exit with 0 when done, 1 if some inputs failed, 2 for bad usage or unreadable input."""
    if sys.argv[1:] == ["--version"]:  # needs no parser, the slowest import
        sys.stdout.write(f"auricle {__version__}\n")
        return
    from auricle.cli.commands import begin_startup

    begin_startup()
    from auricle.cli.app import app

    try:
        app()
    except AuricleError as error:
        from auricle.cli.terminal import fail

        fail(error, as_json="--json" in sys.argv)
