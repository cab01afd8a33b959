"""Pack and unpack named members in one zip archive that any tool opens, with a hash over every byte.

The archive's comment is the SHA-256 of all bytes before it, so a flipped bit is found anywhere, in a member or in the
archive's own tables. Names, order and times are fixed: equal members give equal bytes.
"""

import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from auricle.errors import BundleError, UsageError

__all__ = ["MAX_BYTES", "pack", "read", "unpack"]

MAX_BYTES = 2 * 1024**3
"""Largest bundle, packed or unpacked; larger ones are refused before they are read."""

_SEAL = b"auricle sha256 "
_SEAL_LENGTH = len(_SEAL) + 64
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return the archive of the members, in the order of their names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, members[name], compresslevel=6)
        archive.comment = bytes(_SEAL_LENGTH)  # the hash also covers its place and length
    content = stream.getvalue()[:-_SEAL_LENGTH]
    return content + _SEAL + hashlib.sha256(content).hexdigest().encode()


def read(path: str | Path) -> bytes:
    """Return the bytes of a bundle's file.

    Raises
    ------
    BundleError : the file does not exist, is not a regular file, cannot be read, or is larger than ``MAX_BYTES``
    UsageError : not a path
    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"a bundle is read from a path. Got {type(path).__name__}.")
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"{path}: the bundle must be a readable file. It is a folder, a device or a pipe.")
        if (size := status.st_size) > MAX_BYTES:
            raise BundleError(f"{path}: a bundle must be at most {MAX_BYTES} bytes. It has {size}.")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: the bundle must be a readable file. {error.strerror}.") from error
    except ValueError as error:  # a null byte in the name
        raise BundleError(f"{str(path)!r}: the bundle must be a readable file. {error}.") from error


def unpack(content: bytes, source: str) -> dict[str, bytes]:
    """Return the members of an archive.

    Parameters
    ----------
    content : bytes
        A bundle's file.
    source : str
        Name of the file in messages.

    Raises
    ------
    BundleError : not a bundle's archive, a changed byte, a duplicate name, or more content than ``MAX_BYTES``
    """
    body, seal = content[:-_SEAL_LENGTH], content[-_SEAL_LENGTH:]
    if not content.startswith(b"PK\x03\x04") or not seal.startswith(_SEAL):
        raise BundleError(
            f"{source}: the file must be a bundle that `auricle train` wrote. It is not one, or its end is missing."
        )
    if seal.removeprefix(_SEAL) != hashlib.sha256(body).hexdigest().encode():
        raise BundleError(
            f"{source}: a bundle's bytes must be those that were written. They changed; copy the file again."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if (claimed := sum(entry.file_size for entry in entries)) > MAX_BYTES:
                raise BundleError(f"{source}: a bundle must unpack to at most {MAX_BYTES} bytes. It claims {claimed}.")
            if len({entry.filename for entry in entries}) < len(entries):
                raise BundleError(f"{source}: the names of a bundle's members must differ. One is there twice.")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
        raise BundleError(f"{source}: the bundle's archive must be whole. {error}.") from error
