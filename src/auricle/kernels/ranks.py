"""Order statistics of each row of values over a stretch of frames, without sorting all of it."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.kernels.compiled import kernel, part
from auricle.kernels.lanes import LANES, Floats, Integers, extract, load, maximum, minimum

__all__ = ["ranked"]

Places: TypeAlias = NDArray[np.uint32]
"""Unsigned, so that no place is taken for one counted from the end."""
Counts: TypeAlias = NDArray[np.int32]

_BUCKETS = 256
_LARGEST = np.finfo(np.float32).max
_FEW = 32  # numbers that are sorted by insertion


@kernel
def ranked(values: Floats, first: int, stop: int, ranks: Integers, found: Floats) -> None:
    """Write the number of each rank among frames ``first`` to ``stop`` of every row.

    The numbers of a row are counted in buckets of equal width; only those in the buckets that hold a rank are sorted.

    Parameters
    ----------
    values : float32, shape (n_values, n_frames), finite
    ranks : int64, ascending, shape (n_ranks,): 0 is the smallest number's; each below ``stop - first``
    found : float32, shape (n_ranks, n_values)
    """
    n = stop - first
    buckets, chosen = np.empty(n, np.uint32), np.empty(n + 1, np.float32)
    counts = np.empty((2, _BUCKETS), np.int32)  # a row each for frames that follow one another: they are often alike
    is_wanted, places = np.empty(_BUCKETS, np.uint32), np.empty(len(ranks), np.int64)
    for value in range(len(values)):
        numbers = values[value, first:stop]
        _count(numbers, buckets, counts[0], counts[1])
        n_chosen = _locate(counts[0], ranks, is_wanted, places)
        at = np.uint32(0)
        for i in range(n):  # without a branch, which nothing could foresee
            chosen[at] = numbers[i]
            at += is_wanted[buckets[i]]
        _sort(chosen[:n_chosen])
        for place in range(len(ranks)):
            found[place, value] = chosen[places[place]]


@part
def _count(numbers: Floats, buckets: Places, one: Counts, two: Counts) -> None:
    """Write the bucket of each number, and how many each bucket holds into ``one``."""
    low, high = _extremes(numbers)
    scale = np.float32(_BUCKETS - 1) / (high - low)
    if 0 < scale <= _LARGEST:
        for i in range(len(numbers)):
            buckets[i] = np.int32((numbers[i] - low) * scale)
    else:  # they are all but one number, or too far apart for any width: one bucket is right, and only slower
        buckets[:] = 0
    one[:] = 0
    two[:] = 0
    whole = len(numbers) - len(numbers) % 2
    for i in range(0, whole, 2):
        one[buckets[i]] += 1
        two[buckets[i + 1]] += 1
    for i in range(whole, len(numbers)):
        one[buckets[i]] += 1
    for bucket in range(_BUCKETS):
        one[bucket] += two[bucket]


@part
def _locate(counts: Counts, ranks: Integers, is_wanted: Places, places: Integers) -> int:
    """Mark the buckets that hold a rank, write where among their numbers it stands, and return how many these are."""
    is_wanted[:] = 0
    bucket, n_below, n_chosen = 0, 0, 0
    for place in range(len(ranks)):
        while n_below + counts[bucket] <= ranks[place]:
            n_below += counts[bucket]
            bucket += 1
        if not is_wanted[bucket]:
            is_wanted[bucket] = 1
            n_chosen += counts[bucket]
        places[place] = n_chosen - counts[bucket] + ranks[place] - n_below
    return n_chosen


@part
def _sort(numbers: Floats) -> None:
    if len(numbers) > _FEW:
        numbers.sort()
        return
    for i in range(1, len(numbers)):
        number, at = numbers[i], i
        while at > 0 and numbers[at - 1] > number:
            numbers[at] = numbers[at - 1]
            at -= 1
        numbers[at] = number


@part
def _extremes(numbers: Floats) -> tuple[float, float]:
    low, high, whole = numbers[0], numbers[0], len(numbers) - len(numbers) % LANES
    if whole:
        lows = highs = load(numbers, 0)
        for i in range(LANES, whole, LANES):
            some = load(numbers, i)
            lows, highs = minimum(lows, some), maximum(highs, some)
        for lane in range(LANES):
            low, high = min(low, extract(lows, lane)), max(high, extract(highs, lane))
    for i in range(whole, len(numbers)):
        low, high = min(low, numbers[i]), max(high, numbers[i])
    return low, high
