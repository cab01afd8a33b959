import io
import struct
from collections.abc import Callable

import numpy as np
import pytest

from auricle.audio.decoding.containers import DataChunk, find_data_chunk, sniff


def test_sniff_detects_every_format(kind: str, encoded: Callable[..., bytes]) -> None:
    expected = {"wav": "WAV", "flo": "WAV", "dou": "WAV", "rf6": "WAV", "fla": "FLAC", "vor": "OGG", "opu": "OGG"}
    content = encoded(np.zeros(2000, np.float32), 16_000, kind)
    assert sniff(content[:16]) == expected.get(kind[:3], "MP3" if kind == "mp3" else "AIFF")


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"R", b"RIFF", b"RIFF\x00\x00\x00\x00AVI ", b"FORM\x00\x00\x00\x00ILBM", b"hello, this is prose"),
        *("caf\N{LATIN SMALL LETTER E WITH ACUTE}".encode("utf-16"), b"\xff\xf1\x50\x80 AAC", b".snd\x00\x00\x00\x18"),
        *(b"\x00\x00\x00\x20ftypM4A ", b"\x1aE\xdf\xa3", b"\xff\xfb\xf0\x00", b"\xff\xfb\x9c\x00", b"\xff\xff\xff\xff"),
    ],
)
def test_sniff_rejects_other_content(head: bytes) -> None:
    assert sniff(head) is None


@pytest.mark.parametrize(
    ("claim", "expected"),
    [(2000, 2000), (5000, 5000), (0xFFFFFFFF, None), (0x7FFFFFFF, None), (0x7FFFFFFF - 44, None), (0x80000000, None)],
)
def test_claimed_size_of_a_wav(claim: int, expected: int | None, raw_wav: Callable[..., bytes]) -> None:
    assert find_data_chunk(io.BytesIO(raw_wav(claim=claim)), "WAV") == DataChunk(40, expected, 2000)


def test_size_zero_before_sound_is_unfinished(raw_wav: Callable[..., bytes]) -> None:
    found = find_data_chunk(io.BytesIO(raw_wav(claim=0)), "WAV")
    assert found == DataChunk(40, None, 2000, is_unfinished=True)


@pytest.mark.parametrize(
    "after", [b"", b"LIST\x04\x00\x00\x00INFO", b"LIST\x03\x00\x00\x00abc\x00bext\x00\x00\x00\x00"]
)
def test_size_zero_before_chunks_only_is_empty(after: bytes, raw_wav: Callable[..., bytes]) -> None:
    found = find_data_chunk(io.BytesIO(raw_wav(data=b"") + after), "WAV")
    assert found is not None
    assert (found.claimed_bytes, found.is_unfinished) == (0, False)


def test_chunks_before_the_data_chunk_are_skipped() -> None:
    body = b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", 6) + b"123456"
    found = find_data_chunk(io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body), "WAV")
    assert found is not None
    assert (found.claimed_bytes, found.available_bytes) == (6, 6)


@pytest.mark.parametrize("kind", ["rf64", "aiff", "aifc"])
def test_rf64_and_big_endian_sizes(kind: str, encoded: Callable[..., bytes]) -> None:
    found = find_data_chunk(
        io.BytesIO(encoded(np.zeros(501, np.float32), 16_000, kind)), "AIFF" if kind[0] == "a" else "WAV"
    )
    assert found is not None
    assert found.claimed_bytes is not None
    assert 501 * 2 <= found.claimed_bytes <= found.available_bytes <= 501 * 4 + 100


def test_chunk_search_is_bounded() -> None:
    many = b"RIFF\xff\xff\xff\xffWAVE" + b"junk\x00\x00\x00\x00" * 50_000 + b"data\x02\x00\x00\x00ab"
    assert find_data_chunk(io.BytesIO(many), "WAV") is None
