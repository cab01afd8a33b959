"""What a sound file says it is, by its first bytes and the sizes in its header; names are never believed."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["FORMATS", "Payload", "Repaired", "payload", "sniff"]

FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF")

_MAX_CHUNKS = 10_000  # a header longer than this is an attack on the reader
_UNKNOWN_32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes that hold the sound of a WAV or AIFF file."""

    size_at: int
    """Where the chunk's 32-bit size stands in the file."""
    claimed: int | None
    """The chunk's size by the header; None where its writer never came back to fill it in."""
    held: int
    """Bytes between the chunk's start and the end of the file."""
    is_unfinished: bool = False
    """The claim is 0, and yet sound follows."""


def sniff(head: bytes) -> str | None:
    """Return which of `FORMATS` a file is whose first 12 bytes or more are ``head``, or None."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    if head[:4] == b"fLaC":
        return "FLAC"
    if head[:4] == b"OggS":
        return "OGG"
    if head[:3] == b"ID3" or _is_mp3_frame(head):
        return "MP3"
    return None


def payload(file: BinaryIO, format_name: str) -> Payload | None:
    """Find the chunk that holds the sound of a WAV or AIFF file; None in other formats, or where there is none."""
    if format_name not in ("WAV", "AIFF"):
        return None
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(0)
    form = file.read(12)[:4]
    order = "<" if form in (b"RIFF", b"RF64") else ">"
    long_size = _UNKNOWN_32
    for name, start, chunk_size in _chunks(file, 12, size, order):
        if name == b"ds64":
            file.seek(start + 8)  # after the 64-bit size of the whole file
            long_size = int.from_bytes(file.read(8), "little")
        elif name in (b"data", b"SSND"):
            claimed = long_size if form == b"RF64" and chunk_size == _UNKNOWN_32 else chunk_size
            if claimed == 0 and form == b"RIFF" and not _ends_in_chunks(file, start, size, order):
                return Payload(start - 4, None, size - start, is_unfinished=True)
            return Payload(start - 4, None if _is_unknown(claimed) else claimed, size - start)
    return None


class Repaired(io.RawIOBase):
    """A file whose data chunk has the size 0 that its writer left there, read as if the size were unknown.

    Many recorders fill the size in when they close; one that died left its sound behind a zero.
    """

    def __init__(self, file: BinaryIO, size_at: int) -> None:
        super().__init__()
        self._file = file
        self._size_at = size_at

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be searched."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place in the file."""
        return self._file.tell()

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill the buffer, with the size mended where it lies in it."""
        start = self._file.tell()
        data = bytearray(self._file.read(len(buffer)))
        for at in range(max(start, self._size_at), min(start + len(data), self._size_at + 4)):
            data[at - start] = 0xFF
        buffer[: len(data)] = data
        return len(data)


def _is_mp3_frame(head: bytes) -> bool:
    # Eleven bits of sync, a version, layer III, a bit rate and a sample rate that exist.
    # Not so UTF-16 text (FF FE) and AAC (FF F1).
    return (
        len(head) >= 3
        and head[0] == 0xFF
        and head[1] >> 5 == 0b111
        and (head[1] >> 3) & 0b11 != 0b01
        and (head[1] >> 1) & 0b11 == 0b01
        and head[2] >> 4 != 0b1111
        and (head[2] >> 2) & 0b11 != 0b11
    )


def _is_unknown(claimed: int) -> bool:
    # Writers to a pipe claim all that 32 or 31 bits can say, some of them less a header.
    return 0xFFFF0000 <= claimed <= _UNKNOWN_32 or 0x7FFF0000 <= claimed <= 0x80000000 or claimed >= 1 << 62


def _chunks(file: BinaryIO, start: int, size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start of the content, claimed size) of each chunk that begins before the end of the file."""
    for _ in range(_MAX_CHUNKS):
        if start + 8 > size:
            return
        file.seek(start)
        name, claimed = struct.unpack(f"{order}4sI", file.read(8))
        yield name, start + 8, claimed
        start += 8 + claimed + claimed % 2


def _ends_in_chunks(file: BinaryIO, start: int, size: int, order: str) -> bool:
    """Say whether nothing but whole chunks lies between ``start`` and the end: then a size of 0 means what it says."""
    end = start
    for name, begin, claimed in _chunks(file, start, size, order):
        if not name.isascii() or not name.decode("ascii").isprintable():
            return False
        end = begin + claimed + claimed % 2
    return size <= end <= size + 1 or start == size
