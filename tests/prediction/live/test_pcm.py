import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.decode import read
from auricle.errors import AudioError, UsageError
from auricle.prediction.live.pcm import SAMPLE_FORMATS, blocks, open_pipe


class Drip(io.RawIOBase):
    """Pipe that returns its content in pieces of these sizes, then the rest."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        super().__init__()
        self._left = content
        self._sizes = iter(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:
        size = min(next(self._sizes, len(self._left)), len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def joined(content: bytes, sample_format: str, sizes: list[int] | None = None) -> np.ndarray:
    given = list(blocks(io.BufferedReader(Drip(content, sizes or [])), sample_format))
    assert all(block.dtype == np.float32 and block.ndim == 1 and block.size for block in given)
    return np.concatenate(given) if given else np.empty(0, np.float32)


@pytest.mark.parametrize(
    ("sample_format", "raw", "expected"),
    [
        ("s16", np.array([0, 1, -1, 32_767, -32_768], "<i2"), [0, 2**-15, -(2**-15), 1 - 2**-15, -1]),
        ("s32", np.array([0, 1 << 30, -(1 << 31)], "<i4"), [0, 0.5, -1]),
        ("f32", np.array([0, 0.25, -1.5], "<f4"), [0, 0.25, -1.5]),
    ],
)
def test_full_scale_is_one(sample_format: str, raw: np.ndarray, expected: list[float]) -> None:
    np.testing.assert_array_equal(joined(raw.tobytes(), sample_format), np.array(expected, np.float32))


@pytest.mark.parametrize("sample_format", SAMPLE_FORMATS)
@given(samples=st.lists(st.integers(-128, 127), max_size=50), sizes=st.lists(st.integers(1, 9), max_size=60))
def test_pieces_of_any_size_give_the_same_samples(sample_format: str, samples: list[int], sizes: list[int]) -> None:
    content = np.array(samples, SAMPLE_FORMATS[sample_format][0]).tobytes()
    expected = joined(content, sample_format)
    assert expected.size == len(samples)
    np.testing.assert_array_equal(joined(content, sample_format, sizes), expected)


@pytest.mark.parametrize(("sample_format", "size"), [("s16", 2), ("s32", 4), ("f32", 4)])
def test_a_stream_cut_in_the_middle_of_a_sample_is_an_error_after_all_whole_samples(
    sample_format: str, size: int
) -> None:
    given = blocks(io.BytesIO(bytes(10 * size + 1)), sample_format)
    assert next(given).size == 10
    with pytest.raises(AudioError, match=rf"must end with a whole sample of {size} bytes\. 1 are left over"):
        next(given)


def test_an_empty_stream_has_no_blocks() -> None:
    assert list(blocks(io.BytesIO(b""))) == []


def test_bytes_that_are_there_are_returned_at_once() -> None:
    pipe = Drip(bytes(2000), [600, 400])
    first = next(blocks(io.BufferedReader(pipe), "s16"))
    assert first.size == 300


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`sample_format` must be among s16, s32, f32\. Got 'u8'"):
        list(blocks(io.BytesIO(b""), "u8"))


def wav(samples: np.ndarray, subtype: str, **header: int) -> bytes:
    soundfile.write(buffer := io.BytesIO(), samples, 8000, format="WAV", subtype=subtype)
    content = buffer.getvalue()
    if "size" in header:
        at = content.index(b"data") + 4
        content = content[:at] + struct.pack("<I", header["size"]) + content[at + 4 :]
    return content


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [None, 0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_is_read_at_its_own_rate(subtype: str, channels: int, size: int | None, rng: np.random.Generator) -> None:
    samples = np.round(rng.uniform(-1, 1, (500, channels)) * 2**14) / 2**15
    content = wav(samples, subtype, **({} if size is None else {"size": size}))
    piped = open_pipe(Drip(content, [1, 7, 20, 3, 100]), rate_hz=None)
    got = np.concatenate(list(piped.blocks))
    assert piped.rate_hz == 8000
    end = content.index(b"data") + 8 + 500 * channels * {"PCM_16": 2}.get(subtype, 4)
    if size is None or end == len(content):
        np.testing.assert_array_equal(got, read(content).samples)


def test_chunks_after_the_sound_of_a_wav_are_ignored() -> None:
    content = wav(np.full(100, 0.25), "PCM_16") + b"LIST" + struct.pack("<I", 4) + b"abcd"
    assert np.concatenate(list(open_pipe(io.BytesIO(content), rate_hz=8000).blocks)).size == 100


def test_raw_samples_have_no_header() -> None:
    raw = np.arange(100, dtype="<i2").tobytes()
    piped = open_pipe(io.BytesIO(raw), rate_hz=8000)
    np.testing.assert_array_equal(np.concatenate(list(piped.blocks)) * 2**15, np.arange(100))


@pytest.mark.parametrize(
    ("content", "rate_hz", "error", "says"),
    [
        (b"", None, UsageError, "`rate_hz` must be given for raw samples"),
        (wav(np.zeros(9), "PCM_16"), 16_000, UsageError, r"must be the WAV header's 8000\. Got 16000; leave it out"),
        (wav(np.zeros(9), "PCM_24"), None, AudioError, r"16 or 32 bits .* format 1 of 24 bits, 1 channels, 8000 Hz"),
        (wav(np.zeros(9), "PCM_16")[:18], None, AudioError, "must say its format and then hold sound"),
        (wav(np.zeros(9), "PCM_16")[:30], None, AudioError, "must say its rate, channels and format"),
        (b"fLaC" + bytes(100), 8000, AudioError, "This one carries FLAC: name the file"),
        (b"OggS" + bytes(100), None, AudioError, "This one carries OGG: name the file"),
        (b"ID3\4" + bytes(100), 8000, AudioError, "This one carries MP3: name the file"),
        ((b"\xff\xfb\x90\x64" + bytes(413)) * 3, 8000, AudioError, "This one carries MP3: name the file"),
        ((b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)) * 3, 8000, AudioError, "This one carries AAC: name the file"),
        (b"\x1aE\xdf\xa3" + bytes(100), 8000, AudioError, "This one carries WebM: name the file"),
        (b"\0\0\0\x1cftypM4A " + bytes(100), 8000, AudioError, "This one carries MP4: name the file"),
    ],
)
def test_an_unreadable_pipe_is_an_error(content: bytes, rate_hz: int | None, error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        open_pipe(io.BytesIO(content), rate_hz=rate_hz)


def test_a_wav_cut_in_the_middle_of_a_sample_is_an_error() -> None:
    piped = open_pipe(io.BytesIO(wav(np.full(100, 0.25), "PCM_16")[:-1]), rate_hz=None)
    got = []
    with pytest.raises(AudioError, match=r"must end with a whole sample of 2 bytes\. 1 are left over"):
        got += list(piped.blocks)
    assert got == []
