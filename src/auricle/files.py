"""The one place where files are written: aside first, then synced, then renamed, so that none is ever half-written."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from auricle.errors import OutputError

__all__ = ["check_writable", "new_file", "write_bytes"]


def check_writable(path: str | Path) -> Path:
    """Return the path of a file to be written, or say at once why it cannot be, before hours of work are spent on it.

    Raises
    ------
    OutputError : the path is a folder, or its folder is missing or not writable
    """
    path = Path(path)
    folder = path.absolute().parent
    if path.is_dir():
        raise OutputError(f"{path}: the output must be a file. It is a folder; name a file in it.")
    if not folder.is_dir():
        raise OutputError(f"{path}: the output's folder must exist. {folder} does not; create it first.")
    if not os.access(folder, os.W_OK):
        raise OutputError(
            f"{path}: the output's folder must be writable. {folder} is not; choose another or change its rights."
        )
    return path


@contextmanager
def new_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under ``path`` only when the block ends without an error.

    Raises
    ------
    OutputError : the file cannot be created, written or renamed; nothing is left behind
    """
    path = check_writable(path)
    try:
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(aside, 0o666 & ~_umask())  # noqa: PTH101  (mkstemp's own mode is for secrets)
        os.replace(aside, path)  # noqa: PTH105
        _sync_folder(path.absolute().parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}. Nothing was left behind.") from error
    finally:
        Path(aside).unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a whole file, or nothing.

    Raises
    ------
    OutputError : the file cannot be written
    """
    with new_file(path) as stream:
        stream.write(content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    # The rename itself lives in the folder: without this a power cut can undo it.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
