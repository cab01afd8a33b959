"""Statistics of each row of values over a stretch of frames."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.kernels.compiled import kernel, part
from auricle.kernels.simd import LANES, Floats, Integers, extract, load, maximum, minimum, multiply_add, splat

__all__ = ["COMPUTED", "ranked", "summarise", "total", "total_of_squares"]


COMPUTED = ("mean", "std", "min", "max", "slope")
"""The statistics that `summarise` knows, in the order of their codes."""


@kernel
def summarise(values: Floats, first: int, stop: int, frame_s: float, codes: Integers, row: Floats) -> None:
    """Write statistics of frames ``first`` to ``stop``, one after the other, each for all rows.

    Parameters
    ----------
    values : float32, shape (n_values, n_frames)
    frame_s : seconds from one frame to the next
    codes : int64, indices into `COMPUTED`; -1 leaves the place of a statistic free
    row : float32, shape (len(codes) * n_values,)
    """
    n_values = len(values)
    for value in range(n_values):
        frames = values[value, first:stop]
        mean = total(frames) / len(frames)
        for place in range(len(codes)):
            target = place * n_values + value
            if codes[place] == 0:
                row[target] = mean
            elif codes[place] == 1:
                row[target] = math.sqrt(total_of_squares(frames, mean) / len(frames))
            elif codes[place] == 2:
                row[target] = _least(frames)
            elif codes[place] == 3:
                row[target] = _largest(frames)
            elif codes[place] == 4:
                row[target] = _slope(frames, mean, frame_s)


@part
def _least(frames: Floats) -> float:
    least = float(frames[0])
    for t in range(1, len(frames)):
        least = min(least, frames[t])
    return least


@part
def _largest(frames: Floats) -> float:
    largest = float(frames[0])
    for t in range(1, len(frames)):
        largest = max(largest, frames[t])
    return largest


@part
def _slope(frames: Floats, mean: float, frame_s: float) -> float:
    """Return the slope of the least-squares line, a second; 0 for a single frame."""
    centre, product, square = (len(frames) - 1) / 2, 0.0, 0.0
    for t in range(len(frames)):
        product += (t - centre) * (frames[t] - mean)
        square += (t - centre) * (t - centre)
    return product / (square * frame_s) if square > 0.0 else 0.0


@part
def total(numbers: Floats) -> float:
    """Return the sum of some numbers."""
    whole, lanes, found = len(numbers) - len(numbers) % LANES, splat(0.0), 0.0
    for i in range(0, whole, LANES):
        lanes += load(numbers, i)
    for lane in range(LANES):
        found += extract(lanes, lane)
    for i in range(whole, len(numbers)):
        found += numbers[i]
    return found


@part
def total_of_squares(numbers: Floats, centre: float) -> float:
    """Return the sum of the squared distances of some numbers from ``centre``."""
    whole, lanes, found, middle = len(numbers) - len(numbers) % LANES, splat(0.0), 0.0, splat(centre)
    for i in range(0, whole, LANES):
        distance = load(numbers, i) - middle
        lanes = multiply_add(distance, distance, lanes)
    for lane in range(LANES):
        found += extract(lanes, lane)
    for i in range(whole, len(numbers)):
        found += (numbers[i] - centre) ** 2
    return found


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
