"""MP3: find its frames, and make libsndfile, which trusts an estimate of their number, read all of them."""

import struct
from dataclasses import dataclass
from mmap import mmap
from typing import BinaryIO, Final, TypeAlias

from auricle.audio.sources import open_source

__all__ = ["Buffer", "Layout", "find_first_frame", "readable", "scan"]

Buffer: TypeAlias = bytes | bytearray | mmap

MAX_JUNK: Final = 1 << 20
"""Most bytes before the first frame that are searched for it."""

_BIT_RATES: Final = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by index, of MPEG 1 and of 2 and 2.5."""
_RATES_HZ: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8000)}
_NO_CRC: Final = 1
_HAS_FRAMES: Final = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """The frames of an MP3.

    Parameters
    ----------
    first : int
        Offset of the first frame.
    n_frames : int
        Whole frames of sound; the frame that holds a header is not one.
    samples_per_frame, rate_hz : int
    promised : int or None
        Frames by the header; None without one that counts them.
    header : int or None
        Offset of the header's ``Xing`` or ``Info``, within a frame of its own.
    junk_bytes : int
        Bytes before, between and after frames that are neither frames nor tags.
    """

    first: int
    n_frames: int
    samples_per_frame: int
    rate_hz: int
    promised: int | None
    header: int | None
    junk_bytes: int

    @property
    def n_samples(self) -> int:
        """Samples of all frames, before a decoder trims what an encoder added."""
        return self.n_frames * self.samples_per_frame

    @property
    def is_truncated(self) -> bool:
        """Whether frames are missing at the end; some encoders count the header's own."""
        return self.promised is not None and self.promised > self.n_frames + 1


@dataclass(frozen=True, slots=True)
class _Frame:
    n_bytes: int
    kind: int
    """Version, layer and sample rate, which all frames share."""
    is_version_1: bool
    rate_hz: int
    side_bytes: int
    """Header, checksum and side information."""


def find_first_frame(data: Buffer, start: int = 0) -> int | None:
    """Return the offset of the first frame that another one follows, or None."""
    limit = min(len(data), start + MAX_JUNK)
    while (start := data.find(b"\xff", start, limit)) >= 0:
        frame = _frame_at(data, start)
        if frame is not None:
            following = _frame_at(data, start + frame.n_bytes)
            if following is not None and following.kind == frame.kind:
                return start
        start += 1
    return None


def scan(data: Buffer) -> Layout | None:
    """Return the layout of an MP3; None where no two frames follow each other, or their length is not told."""
    first = find_first_frame(data, _skip_tags(data, 0))
    if first is None:
        return None
    head = _frame_at(data, first)
    assert head is not None  # noqa: S101  (it was found)
    position, n_frames, junk = first, 0, first - _skip_tags(data, 0)
    lengths: dict[Buffer, int] = {}  # by the three bytes that differ: thousands of frames have a few dozen headers
    while position + 4 <= len(data):
        key = data[position : position + 3]
        n_bytes = lengths.get(key)
        if n_bytes is None:
            frame = _frame_at(data, position)
            n_bytes = lengths[key] = frame.n_bytes if frame is not None and frame.kind == head.kind else 0
        if n_bytes:
            if position + n_bytes > len(data):
                break
            n_frames += 1
            position += n_bytes
            continue
        after_tags = _skip_tags(data, position)
        following = find_first_frame(data, after_tags)
        if following is None:
            junk += len(data) - after_tags
            break
        junk += following - after_tags
        position = following
        lengths[data[position : position + 3]] = (_frame_at(data, position) or head).n_bytes
    header, promised = _header(data, first, head)
    own = header is not None or promised is not None
    per_frame = 1152 if head.is_version_1 else 576
    return Layout(first, n_frames - own, per_frame, head.rate_hz, promised, header, junk)


def readable(data: Buffer, layout: Layout) -> BinaryIO:
    """Return the MP3 from its first frame on, so that libsndfile reads all of it.

    Where a header counts frames, its count is set right; what it says of the encoder's delay, which a decoder trims, is
    kept. Elsewhere libsndfile divides the size of the file by that of the first frame, and reads no more: the file is
    made longer by an empty tag. A header of our own would make the decoder trim a delay.
    """
    content = bytearray(data[layout.first :])
    if layout.header is not None and layout.promised is not None:
        struct.pack_into(">I", content, layout.header + 8 - layout.first, layout.n_frames)
        return open_source(bytes(content))
    head = _frame_at(content, 0)
    missing = 0 if head is None else (layout.n_frames + 2) * (head.n_bytes + 1) - len(content)
    if missing > 0:
        content += b"ID3\4\0\0" + bytes(missing >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(missing)
    return open_source(bytes(content))


def _frame_at(data: Buffer, position: int) -> _Frame | None:
    """Return the frame of layer III whose header is at an offset, or None."""
    if position + 4 > len(data) or data[position] != 0xFF or data[position + 1] & 0xE0 != 0xE0:
        return None
    second, third, fourth = data[position + 1], data[position + 2], data[position + 3]
    version, layer, bit_rate, rate = second >> 3 & 3, second >> 1 & 3, third >> 4, third >> 2 & 3
    if version == 1 or layer != 1 or bit_rate in (0, 15) or rate == 3:
        return None
    is_version_1 = version == 3
    rate_hz = _RATES_HZ[version][rate]
    n_bytes = (144_000 if is_version_1 else 72_000) * _BIT_RATES[is_version_1][bit_rate] // rate_hz + (third >> 1 & 1)
    is_mono = fourth >> 6 == 3
    side = (17 if is_mono else 32) if is_version_1 else (9 if is_mono else 17)
    return _Frame(n_bytes, (version << 4) | rate, is_version_1, rate_hz, 4 + side + (0 if second & _NO_CRC else 2))


def _header(data: Buffer, first: int, head: _Frame) -> tuple[int | None, int | None]:
    """Return the offset of a Xing or Info header in the first frame, and the frames that it or a VBRI header counts."""
    end = first + head.n_bytes
    for offset in (first + head.side_bytes, first + head.side_bytes - 2, first + head.side_bytes + 2):
        if data[offset : offset + 4] in (b"Xing", b"Info") and offset + 12 <= end:
            flags, frames = struct.unpack_from(">II", data, offset + 4)
            return offset, frames if flags & _HAS_FRAMES else None
    offset = first + 36
    if data[offset : offset + 4] == b"VBRI" and offset + 18 <= end:
        return None, struct.unpack_from(">I", data, offset + 14)[0]
    return None, None


def _skip_tags(data: Buffer, position: int) -> int:
    """Return the offset after the tags at an offset: ID3 of both versions, APE, lyrics."""
    while True:
        if data[position : position + 3] == b"ID3" and position + 10 <= len(data):
            size = 0
            for byte in data[position + 6 : position + 10]:
                size = size << 7 | byte & 0x7F
            position = min(len(data), position + 10 + size + (10 if data[position + 5] & 0x10 else 0))
        elif data[position : position + 3] == b"TAG" and len(data) - position <= 128:
            return len(data)
        elif data[position : position + 8] == b"APETAGEX" and position + 32 <= len(data):
            size, _, flags = struct.unpack_from("<III", data, position + 12)
            position = min(len(data), position + size + (32 if flags & 1 << 29 else 0))
        elif data[position : position + 11] == b"LYRICSBEGIN":
            end = data.find(b"LYRICS200", position)
            position = len(data) if end < 0 else end + 9
        else:
            return position
