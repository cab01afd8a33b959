"""Ogg files of one or several streams are read whole, and one without an end is told."""

import struct
from collections.abc import Callable

import numpy as np
import pytest

from auricle.audio.clip import Samples
from auricle.audio.decode import read
from auricle.audio.decoding import ogg
from auricle.errors import AudioError

Encode = Callable[..., bytes]
Noise = Callable[..., Samples]


@pytest.fixture(params=["vorbis", "opus"])
def streams(request: pytest.FixtureRequest, encoded: Encode, noise: Noise) -> list[bytes]:
    """Three streams of different lengths."""
    return [encoded(noise(n), 48_000, request.param) for n in (30_000, 96_000, 50_000)]


def test_one_stream_is_one_link(streams: list[bytes]) -> None:
    (link,) = ogg.links(streams[0])
    assert (link.start, link.end, link.has_end) == (0, len(streams[0]), True)
    assert ogg.rate_of(streams[0]) == 48_000


@pytest.mark.parametrize("n", [2, 3])
def test_chained_streams_are_read_one_after_the_other(n: int, streams: list[bytes]) -> None:
    chained = b"".join(streams[:n])
    assert len(ogg.links(chained)) == n
    expected = np.concatenate([read(stream).samples for stream in streams[:n]])
    np.testing.assert_array_equal(read(chained).samples, expected)
    part = read(chained, start_s=0.5, end_s=1.0)
    np.testing.assert_array_equal(part.samples, expected[24_000:48_000])


def test_streams_of_different_rates_are_refused(encoded: Encode, noise: Noise) -> None:
    content = encoded(noise(9000), 16_000, "vorbis") + encoded(noise(9000), 44_100, "vorbis")
    with pytest.raises(AudioError, match=r"one sample rate .* 16000 Hz with 1, then 44100 Hz with 1\. Split it"):
        read(content)


@pytest.mark.parametrize("share", [0.4, 0.7, 0.95])
def test_a_stream_without_an_end_is_truncated(share: float, streams: list[bytes]) -> None:
    with pytest.raises(AudioError, match=r"the file is truncated: an Ogg stream must end .* without, after \d\.\d\d s"):
        read(streams[1][: int(share * len(streams[1]))])
    with pytest.raises(AudioError, match="the file is truncated"):
        read(streams[0] + streams[1][: int(share * len(streams[1]))])


def page(packet: bytes, number: int, flags: int) -> bytes:
    """Return a page of one packet, which is not checked for its sum."""
    segments = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    return struct.pack("<4sBBqIIIB", b"OggS", 0, flags, number, 7, number, 0, len(segments)) + segments + packet


def in_ogg(flac: bytes) -> bytes:
    """Return a FLAC file in Ogg: its stream information, its other metadata, and its frames in one stream of pages."""
    position, blocks = 4, []
    while True:
        size = int.from_bytes(flac[position + 1 : position + 4], "big")
        blocks.append(flac[position : position + 4 + size])
        position += 4 + size
        if blocks[-1][0] & 0x80:
            break
    first = b"\x7fFLAC\x01\x00" + len(blocks[1:]).to_bytes(2, "big") + b"fLaC" + blocks[0]
    frames = [flac[start : start + 60_000] for start in range(position, len(flac), 60_000)]
    packets = [first, *blocks[1:], *frames]
    last = len(packets) - 1
    return b"".join(page(p, n, (2 if n == 0 else 0) | (4 if n == last else 0)) for n, p in enumerate(packets))


def test_flac_in_ogg_is_unpacked(encoded: Encode, noise: Noise) -> None:
    flac = encoded(noise(60_000, 2), 44_100, "flac16")
    np.testing.assert_array_equal(read(in_ogg(flac)).samples, read(flac).samples)


@pytest.mark.parametrize("packet", [b"Speex   1.2", b"\x80theora", b"unknown codec"])
def test_another_codec_is_named(packet: bytes) -> None:
    with pytest.raises(AudioError, match=r"auricle does not read Ogg with (Speex|Theora|b'unknown )"):
        read(page(packet, 0, 2) + page(b"x", 1, 4))


def test_bytes_between_pages_are_skipped(streams: list[bytes]) -> None:
    assert [link.has_end for link in ogg.links(b"OggS junk " + streams[0])] == [True]
    assert ogg.links(b"OggS") == []


def test_a_stream_that_is_cut_before_another_is_truncated(streams: list[bytes]) -> None:
    with pytest.raises(AudioError, match="the file is truncated"):
        read(streams[1][: len(streams[1]) // 2] + streams[0])


def test_flac_in_ogg_without_its_end_is_truncated(encoded: Encode, noise: Noise) -> None:
    content = in_ogg(encoded(noise(200_000, 2), 44_100, "flac16"))
    assert ogg.rate_of(content) == 44_100
    with pytest.raises(AudioError, match="the file is truncated"):
        read(content[: int(0.7 * len(content))])
