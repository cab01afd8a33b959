"""Spectral shape of each frame: centroid, bandwidth, rolloff, flatness, and the peaks and valleys of contrast."""

from auricle.kernels.bands import AMIN, TINY, decibels, log2
from auricle.kernels.compiled import inline
from auricle.kernels.simd import (
    LANES,
    Floats,
    Integers,
    Lanes,
    below,
    exponent,
    load,
    mantissa,
    maximum,
    minimum,
    multiply_add,
    splat,
    square_root,
    store,
)

__all__ = ["MIN_RELATIVE_MAGNITUDE", "flatness", "moments", "peaks_and_valleys"]


ROLLOFF_FRACTION = 0.85
RENORMALISE_BINS = 64  # mantissas lie in [1, 2): a product of 64 cannot overflow


@inline
def moments(
    power: Floats, bin_hz: float, magnitude: Floats, values: Floats, centroid: int, bandwidth: int, rolloff: int
) -> None:
    """Write the centroid of the magnitude, its bandwidth, and the frequency below which 85% of it lies, all in Hz.

    ``magnitude`` is scratch space; ``centroid``, ``bandwidth`` and ``rolloff`` are indices into ``values``.
    """
    n_bins = len(power) // LANES
    total, weighted, index, one = splat(0.0), splat(0.0), splat(0.0), splat(1.0)
    for k in range(n_bins):
        level = square_root(load(power, k * LANES))
        store(magnitude, k * LANES, level)
        total += level
        weighted = multiply_add(level, index, weighted)
        index += one
    limit = total * splat(ROLLOFF_FRACTION)
    total = maximum(total, splat(TINY))
    mean = weighted / total
    spread, reached, bins = splat(0.0), splat(0.0), splat(0.0)
    distance = splat(0.0) - mean
    for k in range(n_bins):
        level = load(magnitude, k * LANES)
        reached += level
        bins += below(reached, limit)
        spread = multiply_add(level * distance, distance, spread)
        distance += one
    store(values, centroid, mean * splat(bin_hz))
    store(values, bandwidth, square_root(spread / total) * splat(bin_hz))
    store(values, rolloff, bins * splat(bin_hz))


@inline
def flatness(power: Floats, values: Floats, at: int) -> None:
    """Write the binary logarithm of the geometric over the arithmetic mean of the power."""
    n_bins = len(power) // LANES
    floor, total, exponents, product = splat(AMIN), splat(0.0), splat(0.0), splat(1.0)
    for start in range(0, n_bins, RENORMALISE_BINS):
        for k in range(start, min(start + RENORMALISE_BINS, n_bins)):
            level = maximum(load(power, k * LANES), floor)
            total += level
            exponents += exponent(level)
            product *= mantissa(level)
        exponents += exponent(product)
        product = mantissa(product)
    count = splat(n_bins)
    store(values, at, (exponents + log2(product)) / count - log2(total / count))


MAX_POWER = 3.4e38
MIN_RELATIVE_MAGNITUDE = 1e-5  # of the frame's largest: 100 dB below lies rounding noise, different on each processor
UNROLLED_BINS = 4  # bins inserted together, in registers


@inline
def peaks_and_valleys(power: Floats, bands: Integers, ranked: Floats, values: Floats, peaks: int, valleys: int) -> None:
    """Write the mean magnitude of each band's strongest bins and of its weakest, in dB, both floored.

    Parameters
    ----------
    bands : int64, shape (n_bands, 3)
        First bin, number of bins, and how many of them are strongest and weakest.
    ranked : float32
        Scratch space for the largest of those counts, of LANES lanes.
    """
    width = values.shape[1]
    largest = splat(0.0)
    for k in range(len(power) // LANES):
        largest = maximum(largest, load(power, k * LANES))
    floor = square_root(largest) * splat(MIN_RELATIVE_MAGNITUDE)
    for band in range(len(bands)):
        first, count, few = bands[band]
        strongest = maximum(_strongest(power, first, count, few, ranked), floor)
        weakest = maximum(_weakest(power, first, count, few, ranked), floor)
        store(values, peaks + band * width, decibels(strongest))
        store(values, valleys + band * width, decibels(weakest))


@inline
def _strongest(power: Floats, first: int, count: int, few: int, ranked: Floats) -> Lanes:
    """Return the mean magnitude of the ``few`` strongest bins, by insertion into a sorted list."""
    for rank in range(few):
        store(ranked, rank * LANES, splat(0.0))
    for k in range(first, first + count, UNROLLED_BINS):
        last = first + count - 1
        a = load(power, k * LANES)
        b = load(power, (k + 1) * LANES) if k + 1 <= last else splat(0.0)
        c = load(power, (k + 2) * LANES) if k + 2 <= last else splat(0.0)
        d = load(power, (k + 3) * LANES) if k + 3 <= last else splat(0.0)
        for rank in range(few):
            held = load(ranked, rank * LANES)
            held, a = maximum(held, a), minimum(held, a)
            held, b = maximum(held, b), minimum(held, b)
            held, c = maximum(held, c), minimum(held, c)
            held, d = maximum(held, d), minimum(held, d)
            store(ranked, rank * LANES, held)
    return _mean_magnitude(ranked, few)


@inline
def _weakest(power: Floats, first: int, count: int, few: int, ranked: Floats) -> Lanes:
    """Return the mean magnitude of the ``few`` weakest bins."""
    for rank in range(few):
        store(ranked, rank * LANES, splat(MAX_POWER))
    for k in range(first, first + count, UNROLLED_BINS):
        last = first + count - 1
        a = load(power, k * LANES)
        b = load(power, (k + 1) * LANES) if k + 1 <= last else splat(MAX_POWER)
        c = load(power, (k + 2) * LANES) if k + 2 <= last else splat(MAX_POWER)
        d = load(power, (k + 3) * LANES) if k + 3 <= last else splat(MAX_POWER)
        for rank in range(few):
            held = load(ranked, rank * LANES)
            held, a = minimum(held, a), maximum(held, a)
            held, b = minimum(held, b), maximum(held, b)
            held, c = minimum(held, c), maximum(held, c)
            held, d = minimum(held, d), maximum(held, d)
            store(ranked, rank * LANES, held)
    return _mean_magnitude(ranked, few)


@inline
def _mean_magnitude(ranked: Floats, few: int) -> Lanes:
    total = splat(0.0)
    for rank in range(few):
        total += square_root(load(ranked, rank * LANES))
    return total / splat(few)
