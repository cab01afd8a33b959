"""Statistics of each row over a range of frames: mean, std, extremes, slope, percentile ranks, modulation depth."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.kernels.compiled import inline, kernel
from auricle.kernels.simd import LANES, Floats, Integers, extract, load, maximum, minimum, multiply_add, splat

__all__ = [
    "SUMMARY_STATISTICS",
    "centre_and_taper",
    "octave_amplitudes",
    "order_statistics",
    "summarise",
    "total",
    "total_of_squares",
]


SUMMARY_STATISTICS = ("mean", "std", "min", "max", "slope")
"""The statistics of `summarise`, in the order of their codes."""


@kernel
def summarise(values: Floats, first: int, stop: int, frame_s: float, codes: Integers, row: Floats) -> None:
    """Write statistics of frames ``first`` to ``stop``, one after the other for all rows.

    Parameters
    ----------
    values : float32, shape (n_values, n_frames)
    frame_s : float
        Seconds from one frame to the next.
    codes : int64, shape (n_statistics,)
        Indices into `SUMMARY_STATISTICS`; -1 skips the columns of a statistic.
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
                row[target] = _smallest(frames)
            elif codes[place] == 3:
                row[target] = _largest(frames)
            elif codes[place] == 4:
                row[target] = _slope(frames, mean, frame_s)


@inline
def _smallest(frames: Floats) -> float:
    least = float(frames[0])
    for t in range(1, len(frames)):
        least = min(least, frames[t])
    return least


@inline
def _largest(frames: Floats) -> float:
    largest = float(frames[0])
    for t in range(1, len(frames)):
        largest = max(largest, frames[t])
    return largest


@inline
def _slope(frames: Floats, mean: float, frame_s: float) -> float:
    """Return the slope per second of the least-squares line; 0 for a single frame."""
    centre, product, square = (len(frames) - 1) / 2, 0.0, 0.0
    for t in range(len(frames)):
        product += (t - centre) * (frames[t] - mean)
        square += (t - centre) * (t - centre)
    return product / (square * frame_s) if square > 0.0 else 0.0


@inline
def total(numbers: Floats) -> float:
    """Return the sum of numbers."""
    whole, lanes, found = len(numbers) - len(numbers) % LANES, splat(0.0), 0.0
    for i in range(0, whole, LANES):
        lanes += load(numbers, i)
    for lane in range(LANES):
        found += extract(lanes, lane)
    for i in range(whole, len(numbers)):
        found += numbers[i]
    return found


@inline
def total_of_squares(numbers: Floats, centre: float) -> float:
    """Return the sum of squared deviations from ``centre``."""
    whole, lanes, found, middle = len(numbers) - len(numbers) % LANES, splat(0.0), 0.0, splat(centre)
    for i in range(0, whole, LANES):
        distance = load(numbers, i) - middle
        lanes = multiply_add(distance, distance, lanes)
    for lane in range(LANES):
        found += extract(lanes, lane)
    for i in range(whole, len(numbers)):
        found += (numbers[i] - centre) ** 2
    return found


Indices: TypeAlias = NDArray[np.uint32]
"""Unsigned, so that numba adds no code for negative indices."""
Counts: TypeAlias = NDArray[np.int32]

_N_BUCKETS = 256
_MAX_FLOAT32 = np.finfo(np.float32).max
_MAX_INSERTION_SORT = 32  # numbers; longer arrays use numpy's sort


@kernel
def order_statistics(values: Floats, first: int, stop: int, ranks: Integers, found: Floats) -> None:
    """Write the order statistics of frames ``first`` to ``stop`` of every row.

    A histogram of equal-width buckets selects the numbers near the ranks; only those are sorted.

    Parameters
    ----------
    values : float32, shape (n_values, n_frames), finite
    ranks : int64, shape (n_ranks,), ascending
        0 is the smallest number; each is below ``stop - first``.
    found : float32, shape (n_ranks, n_values)
    """
    n = stop - first
    buckets, chosen = np.empty(n, np.uint32), np.empty(n + 1, np.float32)
    counts = np.empty((2, _N_BUCKETS), np.int32)  # two histograms: neighbouring frames often share a bucket
    is_wanted, places = np.empty(_N_BUCKETS, np.uint32), np.empty(len(ranks), np.int64)
    for value in range(len(values)):
        numbers = values[value, first:stop]
        _fill_buckets(numbers, buckets, counts[0], counts[1])
        n_chosen = _locate(counts[0], ranks, is_wanted, places)
        at = np.uint32(0)
        for i in range(n):  # without a branch, which would be unpredictable
            chosen[at] = numbers[i]
            at += is_wanted[buckets[i]]
        _sort(chosen[:n_chosen])
        for place in range(len(ranks)):
            found[place, value] = chosen[places[place]]


@inline
def _fill_buckets(numbers: Floats, buckets: Indices, one: Counts, two: Counts) -> None:
    """Write the bucket of each number, and the count of each bucket into ``one``."""
    low, high = _extremes(numbers)
    scale = np.float32(_N_BUCKETS - 1) / (high - low)
    if 0 < scale <= _MAX_FLOAT32:
        for i in range(len(numbers)):
            buckets[i] = np.int32((numbers[i] - low) * scale)
    else:  # all equal, or too far apart for a finite width: one bucket is correct, only slower
        buckets[:] = 0
    one[:] = 0
    two[:] = 0
    whole = len(numbers) - len(numbers) % 2
    for i in range(0, whole, 2):
        one[buckets[i]] += 1
        two[buckets[i + 1]] += 1
    for i in range(whole, len(numbers)):
        one[buckets[i]] += 1
    for bucket in range(_N_BUCKETS):
        one[bucket] += two[bucket]


@inline
def _locate(counts: Counts, ranks: Integers, is_wanted: Indices, places: Integers) -> int:
    """Mark the buckets with a rank, write the index of each rank among their numbers, and return how many these are."""
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


@inline
def _sort(numbers: Floats) -> None:
    if len(numbers) > _MAX_INSERTION_SORT:
        numbers.sort()
        return
    for i in range(1, len(numbers)):
        number, at = numbers[i], i
        while at > 0 and numbers[at - 1] > number:
            numbers[at] = numbers[at - 1]
            at -= 1
        numbers[at] = number


@inline
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


@kernel
def centre_and_taper(levels: Floats, first: int, stop: int, taper: Floats, tapered: Floats) -> None:
    """Subtract each row's mean over frames ``first`` to ``stop``, multiply by a taper, and pad with zeros.

    Parameters
    ----------
    levels : float32, shape (n_rows, n_frames)
    taper : float32, shape (stop - first,)
    tapered : float32, shape (n_rows, length), length at least stop - first
    """
    n = stop - first
    for row in range(len(levels)):
        frames = levels[row, first:stop]
        mean = total(frames) / n
        for t in range(n):
            tapered[row, t] = (frames[t] - mean) * taper[t]
        tapered[row, n:] = 0.0


@kernel
def octave_amplitudes(parts: Floats, edges: Integers, octaves: Floats) -> None:
    """Write the root of the power in each octave of modulation frequency.

    Parameters
    ----------
    parts : float32, shape (n_rows, 2 * n_bins)
        Real and imaginary parts in turn.
    edges : int64, shape (n_octaves + 1,)
        Indices into a row of ``parts``.
    octaves : float32, shape (n_rows, n_octaves)
    """
    for row in range(len(parts)):
        for octave in range(len(edges) - 1):
            octaves[row, octave] = math.sqrt(total_of_squares(parts[row, edges[octave] : edges[octave + 1]], 0.0))
