"""Atomic writing of files: to a temporary name, synced, then renamed; a file is whole or absent."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from auricle.errors import OutputError

__all__ = ["atomic_file", "check_writable", "sync_folder", "write_bytes"]


def check_writable(path: str | Path) -> Path:
    """Return the path of an output file, or raise before hours of work are spent on it.

    Raises
    ------
    OutputError : the path is a folder, a device or a pipe, or its folder is missing or not writable
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = stat.S_IFREG  # a new file
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise OutputError(f"{str(path)!r}: cannot be written: {_reason(error)}.") from error
    if stat.S_ISDIR(mode):
        raise OutputError(f"{path}: the output must be a file. It is a folder; name a file in it.")
    if not stat.S_ISREG(mode):  # root could replace a device by a file
        raise OutputError(f"{path}: the output must be a file. It is a device or a pipe; name a regular file.")
    folder = _target(path).parent
    if not folder.is_dir():
        raise OutputError(f"{path}: the output's folder must exist. {folder} does not; create it first.")
    if not os.access(folder, os.W_OK):
        raise OutputError(
            f"{path}: the output's folder must be writable. {folder} is not; choose another or change its rights."
        )
    return path


@contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file that appears under ``path`` only when the ``with`` block ends without an error.

    A symbolic link is kept, and its target written.

    Raises
    ------
    OutputError : the file cannot be created, written or renamed; no part of it stays
    """
    path = check_writable(path)
    target = _target(path)
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_reason(error)}.") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)  # noqa: PTH105
        sync_folder(target.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_reason(error)}. Nothing was left behind.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    OutputError : the file cannot be written
    """
    with atomic_file(path) as stream:
        stream.write(content)


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that a power cut does not undo the creation, renaming or removal of its files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
