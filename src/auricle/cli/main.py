"""The entry point of the command line: the version at once, every other command through the parser."""

import io
import sys
from contextlib import suppress
from typing import Final, NoReturn

from auricle import __version__
from auricle.errors import AuricleError

__all__ = ["main"]

INTERRUPTED: Final = 130
"""The exit code after ctrl-C."""


def main() -> None:
    """Run the command line; exit with 0 when done, 1 if some inputs failed, 2 for bad usage, 130 on ctrl-C."""
    if sys.argv[1:] == ["--version"]:  # needs no parser, the slowest import
        sys.stdout.write(f"auricle {__version__}\n")
        return
    for stream in (sys.stdout, sys.stderr):  # a terminal or pipe may lack a character of a class or a file's name
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        from auricle.cli.commands import begin_startup

        begin_startup()
        from auricle.cli.app import app

        app()
    except AuricleError as error:
        from auricle.cli.terminal import fail

        fail(error, as_json="--json" in sys.argv)
    except KeyboardInterrupt:
        _end_interrupted()
    except SystemExit as end:
        if end.code == INTERRUPTED:  # the parser caught it
            _end_interrupted()
        raise


def _end_interrupted() -> NoReturn:
    with suppress(OSError):
        sys.stderr.write("auricle: interrupted. Files are whole or absent.\n")
    sys.exit(INTERRUPTED)
