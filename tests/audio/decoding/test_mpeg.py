"""MP3s whose header does not tell how many frames they hold are read whole, and truncated ones are told."""

import struct
from collections.abc import Callable

import numpy as np
import pytest

from auricle.audio.clip import Samples
from auricle.audio.decode import read
from auricle.audio.decoding import mpeg
from auricle.errors import AudioError

Encode = Callable[..., bytes]
Noise = Callable[..., Samples]


@pytest.fixture(params=[(8000, 1), (16_000, 2), (44_100, 1), (48_000, 2)], ids=str)
def original(request: pytest.FixtureRequest, encoded: Encode, noise: Noise) -> bytes:
    """Two seconds, the first half quiet, so that the bit rate varies where the encoder lets it."""
    rate_hz, channels = request.param
    sound = noise(2 * rate_hz, channels)
    sound[:rate_hz] *= 0.01
    return encoded(sound, rate_hz, "mp3")


def layout(content: bytes) -> mpeg.Layout:
    found = mpeg.scan(content)
    assert found is not None
    return found


def without_header(content: bytes) -> bytes:
    """Return an MP3 without the frame that holds its header."""
    found = layout(content)
    assert found.header is not None
    second = mpeg.find_first_frame(content, found.first + 4)
    assert second is not None
    return content[second:]


def counting(content: bytes, n_frames: int) -> bytes:
    """Return an MP3 whose header counts that many frames."""
    changed, header = bytearray(content), layout(content).header
    assert header is not None
    struct.pack_into(">I", changed, header + 8, n_frames)
    return bytes(changed)


def n_samples(content: bytes) -> int:
    return read(content).samples.size


def test_a_true_header_counts_the_frames(original: bytes) -> None:
    found = layout(original)
    assert found.promised in (found.n_frames, found.n_frames + 1)
    assert not found.is_truncated
    assert found.junk_bytes == 0


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_header_that_counts_too_few_frames_hides_none(original: bytes, count: int) -> None:
    np.testing.assert_array_equal(read(counting(original, count)).samples, read(original).samples)


def test_without_a_header_all_frames_are_read(original: bytes) -> None:
    bare = without_header(original)
    found = layout(bare)
    assert (found.promised, found.header) == (None, None)
    assert n_samples(bare) == found.n_samples
    assert found.n_frames == layout(original).n_frames


@pytest.mark.parametrize("junk", [bytes(2000), b"\xff" * 77, b"RIFF and so on " * 50], ids=["zeros", "ones", "text"])
def test_junk_before_the_first_frame_is_skipped_and_counted(original: bytes, junk: bytes) -> None:
    bare = without_header(original)
    assert layout(junk + bare).junk_bytes == len(junk)
    np.testing.assert_array_equal(read(junk + bare).samples, read(bare).samples)


def test_tags_are_not_junk(original: bytes) -> None:
    id3 = b"ID3\4\0\0" + bytes([0, 0, 1, 0]) + bytes(128)
    tagged = id3 + original + b"TAG" + bytes(125)
    assert layout(tagged).junk_bytes == 0
    np.testing.assert_array_equal(read(tagged).samples, read(original).samples)


def test_files_one_after_the_other_are_read_to_the_end(original: bytes) -> None:
    found = layout(original + original)
    both = n_samples(original + original)
    assert abs(both - found.n_samples) <= 3 * found.samples_per_frame  # delay and padding are trimmed
    assert both > 1.9 * n_samples(original)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_truncated_file_is_told_with_what_is_there_and_what_was_promised(original: bytes, share: float) -> None:
    cut = original[: int(share * len(original))]
    with pytest.raises(AudioError, match=r"bytes: the file is truncated: its header promises \d+ frames \(2\.\d\d s\)"):
        read(cut)


@pytest.mark.parametrize("content", [b"", b"\xff\xfb\x90\x00", bytes(5000), b"\xff" * 5000])
def test_what_has_no_two_frames_has_no_layout(content: bytes) -> None:
    assert mpeg.scan(content) is None


def test_any_bytes_have_a_layout_or_none(rng: np.random.Generator, original: bytes) -> None:
    for _ in range(200):
        damaged = bytearray(original[:3000])
        for position in rng.integers(0, len(damaged), 8):
            damaged[position] = rng.integers(256)
        found = mpeg.scan(bytes(damaged))
        assert found is None or 0 <= found.n_frames <= 3000 // 20
