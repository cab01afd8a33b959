"""Open a path, bytes or a file object as a binary file with a descriptor, and name it for error messages."""

import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, TypeAlias

from auricle.errors import AudioError

__all__ = ["Source", "name_of", "open_source"]

Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes of a sound file, or a binary file object (read into memory from its position to its end)."""


def name_of(source: Source) -> str:
    """Return a source's name in messages: its path, else "bytes" or "stream"."""
    if isinstance(source, bytes):
        return "bytes"
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "stream"


def open_source(source: Source) -> BinaryIO:
    """Open a source for reading from its first byte.

    Raises
    ------
    AudioError
        No such file; a folder, a device or a pipe; or no permission to read it.
    """
    if isinstance(source, bytes):
        return _in_memory(source)
    if isinstance(source, str | os.PathLike):
        return _open_path(Path(source))
    if not callable(getattr(source, "read", None)):
        raise AudioError(
            f"sound is read from a path, bytes, or a binary file object. Got {type(source).__name__}. "
            "Samples in an array have no rate of their own: use `Clip(samples, rate_hz)`."
        )
    data = source.read()
    if not isinstance(data, bytes):
        raise AudioError(
            f"{name_of(source)}: a file object must give bytes. It gives {type(data).__name__}. Open it with mode 'rb'."
        )
    return _in_memory(data)


def _in_memory(data: bytes) -> BinaryIO:
    # A real descriptor lets libsndfile read without Python and release the GIL.
    # Unbuffered, because libsndfile starts at the position of the descriptor.
    if sys.platform == "linux":
        file: BinaryIO = os.fdopen(os.memfd_create("sound"), "w+b", buffering=0)
    else:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    left = memoryview(data)
    while left:  # one write takes at most 2 GiB
        left = left[file.write(left) :]
    file.seek(0)
    return file


def _open_path(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise AudioError(f"{path}: a sound file was expected. This is a folder: name the files in it.")
        if not stat.S_ISREG(mode):
            raise AudioError(
                f"{path}: a regular file was expected. This is a device or a pipe: give its bytes instead."
            )
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise AudioError(f"{path}: there is no such file.") from None
    except PermissionError:
        raise AudioError(f"{path}: the file may not be read: permission denied.") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise AudioError(f"{str(path)!r}: the file cannot be opened: {error}.") from error
