"""Container formats: detect a file's format from its first bytes, and find the data chunk of WAV and AIFF."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["FORMATS", "DataChunk", "RepairedFile", "find_data_chunk", "is_adts", "sniff", "sniff_foreign"]

FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF")

_MAX_CHUNKS = 10_000  # bounds the work on a hostile header
_UNKNOWN_32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class DataChunk:
    """The data chunk of a WAV or AIFF file: its size in the header and in the file."""

    size_offset: int
    """Byte offset of the chunk's 32-bit size field."""
    claimed_bytes: int | None
    """Size in the header; None where the writer never filled it in."""
    available_bytes: int
    """Bytes from the start of the chunk's content to the end of the file."""
    is_unfinished: bool = False
    """The header says 0 bytes, but sound follows."""


def sniff(head: bytes) -> str | None:
    """Return the format, one of `FORMATS`, of a file that begins with ``head`` (at least 12 bytes); None if unknown."""
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


_FOREIGN = (
    (4, b"ftyp", "MP4"),
    (0, b"\x1a\x45\xdf\xa3", "WebM"),
    (0, b"caff", "CAF"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (0, b"#!AMR", "AMR"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"TTA1", "TTA"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
)
"""Offset and magic of formats that FFmpeg reads, with their names."""


def sniff_foreign(head: bytes) -> str | None:
    """Return the name of a format that the extra ``formats`` reads, of a file that begins with ``head``, or None."""
    return next((name for offset, magic, name in _FOREIGN if head[offset : offset + len(magic)] == magic), None)


def is_adts(head: bytes) -> bool:
    """Whether two frames of AAC (ADTS) follow each other at the beginning."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return False
    following = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return head[following : following + 1] == b"\xff" and head[following + 1] & 0xF6 == 0xF0


def find_data_chunk(file: BinaryIO, format_name: str) -> DataChunk | None:
    """Find the data chunk of a WAV or AIFF file; None for other formats and for files without one."""
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
                return DataChunk(start - 4, None, size - start, is_unfinished=True)
            return DataChunk(start - 4, None if _is_unknown(claimed) else claimed, size - start)
    return None


class RepairedFile(io.RawIOBase):
    """A read-only view of a WAV file that shows the size 0 of its data chunk as "unknown".

    Many recorders write the size when they close the file; after a crash it stays 0, with the sound behind it.
    """

    def __init__(self, file: BinaryIO, size_offset: int) -> None:
        super().__init__()
        self._file = file
        self._size_offset = size_offset

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a byte offset and return it."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the current byte offset."""
        return self._file.tell()

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill the buffer, with 0xFFFFFFFF in place of the size field."""
        start = self._file.tell()
        data = bytearray(self._file.read(len(buffer)))
        for offset in range(max(start, self._size_offset), min(start + len(data), self._size_offset + 4)):
            data[offset - start] = 0xFF
        buffer[: len(data)] = data
        return len(data)


def _is_mp3_frame(head: bytes) -> bool:
    # Eleven bits of sync, then a valid version, layer III, a valid bit rate and a valid sample rate.
    # UTF-16 text (FF FE) and AAC (FF F1) do not match.
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
    # Writers to a pipe claim the maximum of 32 or 31 bits, some of them minus the header.
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
    """Return whether only whole chunks follow ``start``: then the size 0 is true."""
    end = start
    for name, begin, claimed in _chunks(file, start, size, order):
        if not name.isascii() or not name.decode("ascii").isprintable():
            return False
        end = begin + claimed + claimed % 2
    return size <= end <= size + 1 or start == size
