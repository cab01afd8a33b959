"""The inner loops, on fingerprints small enough to be written out."""

import numpy as np
import pytest

from auricle.inspection.matching import BUCKETS, collide, compare, waves

ALL = (1 << 24) - 1


def collisions(words: list[int], weak: list[int], owners: list[int], *, capacity: int = 100) -> list[tuple[int, ...]]:
    found = np.array(words, np.uint32)
    holders = np.argsort(found, kind="stable")
    keys = found[holders]
    starts = np.searchsorted(keys, np.arange(BUCKETS + 1) << 8).astype(np.int64)
    frames = np.array([owners[:i].count(owner) for i, owner in enumerate(owners)])
    hits = np.zeros(capacity, np.uint64)
    n = collide(found, np.array(weak, np.uint32), np.array(owners), frames, keys, holders, starts, 0, hits)
    return [(int(h) >> 44, int(h) >> 24 & 0xFFFFF, (int(h) & 0xFFFFFF) - (1 << 23)) for h in hits[:n]]


def test_equal_words_of_two_recordings_collide_from_either_side() -> None:
    assert collisions([7, 9, 8, 9], [0, 0, 0, 0], [0, 0, 1, 1]) == [(0, 1, 0), (0, 1, 0)]
    assert collisions([9, 5, 5, 9], [0, 0, 0, 0], [0, 0, 0, 1]) == [(0, 1, -0), (0, 1, 0)]


def test_words_of_one_recording_do_not_collide() -> None:
    assert collisions([9, 9], [0, 0], [3, 3]) == []


def test_weak_bits_may_be_flipped() -> None:
    assert collisions([0b1000, 0b1101], [0, 0], [0, 1]) == []
    assert collisions([0b1000, 0b1101], [0b0111, 0], [0, 1]) == [(0, 1, 0)]


def test_collisions_are_counted_beyond_the_capacity() -> None:
    assert len(collisions([9] * 6, [0] * 6, [0, 0, 0, 1, 1, 1])) == 18
    assert len(collisions([9] * 6, [0] * 6, [0, 0, 0, 1, 1, 1], capacity=5)) == 5


def compared(first: np.ndarray, second: np.ndarray, offset: int) -> tuple[int, list[float]]:
    words = np.concatenate([first, second]).astype(np.uint32)
    known = np.full(words.size, ALL, np.uint32)
    starts = np.array([0, first.size, words.size])
    signs, pairs, results = np.diff(starts) * 24, np.array([[0, 1, offset]]), np.zeros((1, 8))
    compare(words, known, starts, signs, pairs, results)
    return int(pairs[0, 2]), results[0].tolist()


def test_recordings_are_compared_where_they_overlap(rng: np.random.Generator) -> None:
    first = rng.integers(0, ALL, 100)
    offset, row = compared(first, first[20:], -20)
    assert (offset, row) == (-20, [80 * 24, 1.0, 20, 80, 80 * 24, 1.0, 20, 80])


def test_the_best_of_three_offsets_is_taken(rng: np.random.Generator) -> None:
    first = rng.integers(0, ALL, 100)
    assert compared(first, first[20:], -19)[0] == -20
    assert compared(first[20:], first, 21)[0] == 20


def test_the_stretch_that_agrees_is_found(rng: np.random.Generator) -> None:
    first, second = rng.integers(0, ALL, (2, 200))
    second[50:120] = first[50:120]
    _, row = compared(first, second, 0)
    assert row[1] == pytest.approx(70 / 200, abs=0.1)
    assert row[6] == pytest.approx(50, abs=2)
    assert row[7] == pytest.approx(70, abs=3)


def test_long_recordings_without_a_promising_stretch_are_skipped_after_a_preview(rng: np.random.Generator) -> None:
    first, second = rng.integers(0, ALL, (2, 400))
    assert compared(first, second, 0)[1] == [0.0] * 8
    second[100:300] = first[100:300]
    assert compared(first, second, 0)[1][7] == pytest.approx(200, abs=3)


@pytest.mark.parametrize("shift", [-90, -64, -1, 0, 1, 63, 64, 70])
@pytest.mark.parametrize("sign", [1, -1])
def test_waveforms_are_shifted_until_they_match(shift: int, sign: int, rng: np.random.Generator) -> None:
    signs = rng.integers(0, 2, 64 * 60).astype(bool)
    other = np.roll(signs, shift) ^ (sign < 0)
    wave = np.concatenate([np.packbits(part, bitorder="little").view("<u8") for part in (signs, other)])
    known = np.full(120, ALL, np.uint32)
    likeness, found = waves(wave, known, 4, 64, 40, 120)
    assert (likeness, found) == (pytest.approx(sign), shift)
