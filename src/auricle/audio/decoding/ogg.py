"""Ogg: its pages, the streams chained one after the other, whether the last one ends, and FLAC unpacked from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auricle.audio.decoding.mpeg import Buffer

__all__ = ["Link", "codec_of", "links", "native_flac", "rate_of"]

_HEADER_BYTES: Final = 27
_BEGIN, _END = 2, 4

_CODECS: Final = {
    b"\x01vorbis": "Vorbis",
    b"OpusHead": "Opus",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "Speex",
    b"\x80theora": "Theora",
    b"fishead\0": "Skeleton",
}
"""Codecs by the beginning of their first packet."""


@dataclass(frozen=True, slots=True)
class Link:
    """One of the streams of a file: its bytes, and whether its last page is there and says so."""

    start: int
    end: int
    has_end: bool
    granule: int
    """Position of its last whole page, in samples."""


@dataclass(frozen=True, slots=True)
class _Page:
    offset: int
    flags: int
    serial: int
    granule: int
    segments: bytes | bytearray
    body: int

    @property
    def end(self) -> int:
        return self.body + sum(self.segments)


def links(data: Buffer) -> list[Link]:
    """Return the streams that are chained in a file; none where it holds no whole page."""
    found: list[Link] = []
    start, has_begun, has_end, end, granule = 0, False, False, 0, 0
    for page in _pages(data):
        if page.flags & _BEGIN and has_begun:
            found.append(Link(start, page.offset, has_end, granule))
            start, has_begun, granule = page.offset, False, 0
        elif not page.flags & _BEGIN:
            has_begun = True
        is_whole = page.end <= len(data)
        has_end, end = bool(page.flags & _END) and is_whole, page.end
        if is_whole and page.granule < 1 << 63:  # otherwise no packet ends on it
            granule = page.granule
    if end:
        found.append(Link(start, min(end, len(data)), has_end, granule))
    return found


def codec_of(data: Buffer) -> str:
    """Return the codec of the first stream, or its first bytes where it is unknown."""
    page = next(_pages(data), None)
    if page is None:
        return "nothing"
    head = data[page.body : page.body + 8]
    return next((name for magic, name in _CODECS.items() if head.startswith(magic)), repr(head))


def rate_of(data: Buffer) -> int:
    """Return the rate that positions of the first stream count in: that of Vorbis or FLAC, or 48 kHz of Opus."""
    page = next(_pages(data), None)
    if page is not None and data[page.body : page.body + 5] == b"\x7fFLAC":
        return int.from_bytes(data[page.body + 27 : page.body + 30], "big") >> 4
    if page is None or data[page.body : page.body + 7] != b"\x01vorbis":
        return 48_000
    return int.from_bytes(data[page.body + 12 : page.body + 16], "little")


def native_flac(data: Buffer) -> bytes:
    """Return the FLAC file whose packets an Ogg file holds, of its first stream.

    Source: "Ogg FLAC mapping", xiph.org/flac/ogg_mapping.html: nine bytes, then the packets of a native file.
    """
    packets, serial = [], None
    for page in _pages(data):
        serial = page.serial if serial is None else serial
        if page.serial == serial and page.end <= len(data):
            packets.append(data[page.body : page.end])
    return b"".join(packets)[9:]


def _pages(data: Buffer) -> Iterator[_Page]:
    """Yield the pages of a file, also one that is cut off; what lies between pages is skipped."""
    offset = 0
    while 0 <= (offset := data.find(b"OggS", offset)) <= len(data) - _HEADER_BYTES:
        n_segments = data[offset + 26]
        segments = data[offset + _HEADER_BYTES : offset + _HEADER_BYTES + n_segments]
        if data[offset + 4] != 0 or len(segments) < n_segments:
            offset += 4
            continue
        serial = int.from_bytes(data[offset + 14 : offset + 18], "little")
        granule = int.from_bytes(data[offset + 6 : offset + 14], "little")
        page = _Page(offset, data[offset + 5], serial, granule, segments, offset + _HEADER_BYTES + n_segments)
        yield page
        # A page that was cut off does not end where the next one begins, which may then lie within it.
        follows = page.end >= len(data) or data[page.end : page.end + 4] == b"OggS"
        offset = page.end if follows and page.end <= len(data) else page.body
