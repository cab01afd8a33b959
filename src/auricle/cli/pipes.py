"""What happens to commands whose answers go down a pipe: the reader may leave, and the disk behind it may fill."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from auricle.errors import OutputError

__all__ = ["leave_if_unread"]


@contextmanager
def leave_if_unread() -> Iterator[None]:
    """End the command quietly when nobody reads its stdout any longer, as ``head`` does once it has enough.

    Raises
    ------
    OutputError : stdout cannot be written for another reason
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _write_to_nothing()
        raise typer.Exit from None
    except OSError as error:
        _write_to_nothing()
        raise OutputError(f"stdout: cannot be written: {error.strerror}.") from error


def _write_to_nothing() -> None:
    # Python flushes stdout once more as it ends, and would fail once more.
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
