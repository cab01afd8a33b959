import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.clip import Clip
from auricle.audio.windows import Cutter, Window, cut
from auricle.errors import AudioError, UsageError

RATE_HZ = 100


def ramp(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.float32)


def spans(windows: list[Window]) -> list[tuple[int, int]]:
    return [(window.start_samples, window.start_samples + window.samples.size) for window in windows]


@pytest.mark.parametrize(
    ("n", "window", "hop", "expected"),
    [
        (1, 4, 2, [(0, 1)]),
        (3, 4, 2, [(0, 3)]),
        (4, 4, 2, [(0, 4)]),
        (5, 4, 2, [(0, 4), (1, 5)]),
        (6, 4, 2, [(0, 4), (2, 6)]),
        (9, 4, 2, [(0, 4), (2, 6), (4, 8), (5, 9)]),
        (9, 4, 4, [(0, 4), (4, 8), (5, 9)]),
        (18, 5, 10, [(0, 5), (10, 15), (13, 18)]),
        (9, None, 4, [(0, 9)]),
        (3, 1, 1, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_spans_of_the_windows(n: int, window: int | None, hop: int, expected: list[tuple[int, int]]) -> None:
    windows = cut(Clip(ramp(n), RATE_HZ), window, hop)
    assert spans(windows) == expected
    for found in windows:
        assert np.array_equal(found.samples, ramp(n)[found.start_samples :][: found.samples.size])


@given(
    n=st.integers(1, 30_000),
    window=st.none() | st.integers(1, 12_000),
    hop=st.integers(1, 9_000),
    sizes=st.lists(st.integers(0, 9_000), min_size=1, max_size=6).filter(any),
)
def test_block_size_never_changes_a_window(n: int, window: int | None, hop: int, sizes: list[int]) -> None:
    hop = max(hop, 40) if n > 2000 else hop
    samples = ramp(n)
    whole = cut(Clip(samples, RATE_HZ), window, hop)
    cutter = Cutter(window, hop, RATE_HZ)
    streamed, at, turn = [], 0, 0
    while at < n:
        streamed += cutter.push(samples[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
    streamed += cutter.flush()
    assert spans(streamed) == spans(whole)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(streamed, whole, strict=True))


@given(n=st.integers(1, 500), window=st.integers(1, 100), hop=st.integers(1, 100))
def test_windows_are_full_and_the_last_ends_at_the_last_sample(n: int, window: int, hop: int) -> None:
    found = spans(cut(Clip(ramp(n), RATE_HZ), window, hop))
    assert {end - start for start, end in found} == {min(n, window)}
    assert found[-1][1] == n
    assert [start for start, _ in found] == sorted({start for start, _ in found})


@given(n=st.integers(0, 9_000), window=st.integers(1, 5_000), size=st.integers(1, 6_000))
def test_consecutive_windows_hold_every_sample_once(n: int, window: int, size: int) -> None:
    window = max(window, n // 50 + 1)
    blocks = [ramp(n)[start : start + size] for start in range(0, n, size)]
    cutter = Cutter(window, window, RATE_HZ)
    found = [one for block in blocks for one in cutter.push(block)] + cutter.flush(is_whole=False)
    assert [one.samples.tolist() for one in found] == [
        ramp(n)[start : start + window].tolist() for start in range(0, n, window)
    ]
    assert [one.start_samples for one in found] == list(range(0, n, window))


def test_memory_is_bounded_by_the_window() -> None:
    cutter = Cutter(1000, 5000, RATE_HZ)
    for _ in range(200):
        cutter.push(np.zeros(700, np.float32))
        assert cutter._buffer.size <= 1000 + 4096
    cutter.push(np.zeros(100_000, np.float32))
    assert cutter._buffer.size <= 1000 + 4096


def test_windows_are_copies() -> None:
    block = np.ones(8, np.float32)
    cutter = Cutter(4, 4, RATE_HZ)
    first, _ = cutter.push(block)
    block[:] = 0
    cutter.push(block)
    assert first.samples.tolist() == [1, 1, 1, 1]


def test_times_count_from_the_start_of_the_source() -> None:
    windows = cut(Clip(ramp(250), RATE_HZ, start_s=3.0), 100, 100)
    assert [(window.start_s, window.end_s) for window in windows] == [(3.0, 4.0), (4.0, 5.0), (4.5, 5.5)]


def test_no_samples_give_no_window() -> None:
    cutter = Cutter(4, 2, RATE_HZ)
    assert cutter.push(ramp(0)) == []
    assert cutter.flush() == []


@pytest.mark.parametrize("arguments", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-5, 1, 1)])
def test_lengths_below_one_raise(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match=r"must be at least 1. Got"):
        Cutter(*arguments)


def test_push_after_flush_raises() -> None:
    cutter = Cutter(4, 2, RATE_HZ)
    cutter.flush()
    with pytest.raises(UsageError, match=r"make a new `Cutter`"):
        cutter.push(ramp(1))


def test_block_of_two_channels_raises() -> None:
    with pytest.raises(AudioError, match=r"one channel.*\(4, 2\)"):
        Cutter(4, 2, RATE_HZ).push(np.zeros((4, 2), np.float32))
