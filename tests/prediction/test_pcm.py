import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import AudioError, UsageError
from auricle.prediction.pcm import SAMPLE_FORMATS, blocks


class Drip(io.RawIOBase):
    """A pipe that gives what it has in pieces of these sizes, then all the rest."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        super().__init__()
        self._left = content
        self._sizes = iter(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
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
def test_a_stream_cut_in_the_middle_of_a_sample_says_so_after_all_whole_ones(sample_format: str, size: int) -> None:
    given = blocks(io.BytesIO(bytes(10 * size + 1)), sample_format)
    assert next(given).size == 10
    with pytest.raises(AudioError, match=rf"must end with a whole sample of {size} bytes\. 1 are left over"):
        next(given)


def test_an_empty_stream_gives_nothing() -> None:
    assert list(blocks(io.BytesIO(b""))) == []


def test_what_is_there_is_given_at_once() -> None:
    pipe = Drip(bytes(2000), [600, 400])
    first = next(blocks(io.BufferedReader(pipe), "s16"))
    assert first.size == 300


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`sample_format` must be among s16, s32, f32\. Got 'u8'"):
        list(blocks(io.BytesIO(b""), "u8"))
