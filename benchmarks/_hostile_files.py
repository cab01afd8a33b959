"""Hostile sound files: decompression bombs, false headers, noise behind a header, and text."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import soundfile

__all__ = ["hostile_files"]

RATE_HZ = 16_000
VORBIS_HZ = 8_000
HOURS = 30

_PAGE = struct.Struct("<4sBBqIIIB")  # of Ogg: magic, version, flags, position, stream, number, checksum, segments
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def hostile_files() -> dict[str, bytes]:
    """Return a small FLAC that claims 256 GiB, hours of silence in Vorbis, noise behind a header, and text."""
    rng = np.random.default_rng(0)
    flac = io.BytesIO()
    soundfile.write(flac, 0.1 * rng.standard_normal(RATE_HZ), RATE_HZ, format="FLAC")
    claimed = bytearray(flac.getvalue())
    claimed[21] |= 0x0F  # the top four of 36 bits
    claimed[22:26] = b"\xff" * 4
    broken = bytearray(flac.getvalue())
    broken[2000:] = rng.bytes(len(broken) - 2000)
    vorbis = silence(HOURS * 3600)
    return {
        f"FLAC of {len(claimed)} bytes that claims 2^36 samples": bytes(claimed),
        f"{HOURS} h of silence in {len(vorbis)} bytes of Vorbis": vorbis,
        "FLAC whose frames are noise": bytes(broken),
        "prose": b"Call me Ishmael. " * 100,
    }


def silence(seconds: int) -> bytes:
    """Return at least this much silence as Vorbis: one minute is encoded, and its middle pages are repeated."""
    minute = io.BytesIO()
    with soundfile.SoundFile(minute, "w", VORBIS_HZ, 1, "VORBIS", format="OGG") as file:
        for _ in range(60):
            file.write(np.zeros(VORBIS_HZ, np.float32))
    pages = list(_pages(minute.getvalue()))
    heads = [page for page in pages if page[3] == 0]
    middle = [page for page in pages if page[3] > 0][1:-1]
    before, last = pages[len(heads)], pages[-1]
    span = middle[-1][3] - before[3]
    out, number = [_pack(page, page[3], index) for index, page in enumerate([*heads, before])], len(heads) + 1
    n_repeats = -(-seconds * VORBIS_HZ // span)
    for repeat in range(n_repeats):
        for page in middle:
            out.append(_pack(page, page[3] + repeat * span, number))
            number += 1
    return b"".join([*out, _pack(last, last[3] + (n_repeats - 1) * span, number)])


def _pages(content: bytes) -> Iterator[tuple[bytes, int, bytes, int, int]]:
    """Yield each page as segment table, flags, payload, granule position and stream number."""
    offset = 0
    while offset < len(content):
        _, _, flags, position, stream, _, _, n_segments = _PAGE.unpack_from(content, offset)
        start = offset + _PAGE.size
        table = content[start : start + n_segments]
        end = start + n_segments + sum(table)
        yield table, flags, content[start + n_segments : end], position, stream
        offset = end


def _pack(page: tuple[bytes, int, bytes, int, int], position: int, number: int) -> bytes:
    table, flags, payload, _, stream = page

    def with_checksum(checksum: int) -> bytes:
        head = _PAGE.pack(b"OggS", 0, flags, position, stream, number, checksum, len(table))
        return head + table + payload

    # Ogg's checksum is zlib's with the bits of every byte, and of the sum, reversed.
    mirrored = zlib.crc32(with_checksum(0).translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return with_checksum(int(f"{mirrored:032b}"[::-1], 2))
