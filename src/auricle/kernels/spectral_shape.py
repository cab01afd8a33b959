"""The shape of each frame's spectrum: centroid, bandwidth, rolloff and flatness."""

from auricle.kernels.bands import AMIN, TINY, decibels, log2
from auricle.kernels.compiled import part
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

__all__ = ["RESOLVED", "flatness", "moments", "peaks_and_valleys"]


ROLLOFF = 0.85
RENORMALISE = 64  # mantissas lie in [1, 2): a product of 64 cannot overflow


@part
def moments(
    power: Floats, bin_hz: float, magnitude: Floats, values: Floats, centroid: int, bandwidth: int, rolloff: int
) -> None:
    """Write where the magnitude lies, in Hz: its mean, its deviation, and the frequency below which 85% of it is.

    ``magnitude`` is work space; ``centroid``, ``bandwidth`` and ``rolloff`` are places in ``values``.
    """
    n_bins = len(power) // LANES
    total, weighted, index, one = splat(0.0), splat(0.0), splat(0.0), splat(1.0)
    for k in range(n_bins):
        level = square_root(load(power, k * LANES))
        store(magnitude, k * LANES, level)
        total += level
        weighted = multiply_add(level, index, weighted)
        index += one
    limit = total * splat(ROLLOFF)
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


@part
def flatness(power: Floats, values: Floats, at: int) -> None:
    """Write the binary logarithm of the geometric over the arithmetic mean of the power."""
    n_bins = len(power) // LANES
    floor, total, exponents, product = splat(AMIN), splat(0.0), splat(0.0), splat(1.0)
    for start in range(0, n_bins, RENORMALISE):
        for k in range(start, min(start + RENORMALISE, n_bins)):
            level = maximum(load(power, k * LANES), floor)
            total += level
            exponents += exponent(level)
            product *= mantissa(level)
        exponents += exponent(product)
        product = mantissa(product)
    count = splat(n_bins)
    store(values, at, (exponents + log2(product)) / count - log2(total / count))


HUGE = 3.4e38
RESOLVED = 1e-5  # of a frame's largest magnitude: what lies 100 dB below it is rounding, another on each processor
AT_ONCE = 4  # bins that sink together, in registers


@part
def peaks_and_valleys(power: Floats, bands: Integers, ranked: Floats, values: Floats, peaks: int, valleys: int) -> None:
    """Write the mean magnitude of each band's strongest bins and of its weakest, in dB, both floored at `RESOLVED`.

    Parameters
    ----------
    bands : int64, rows of (first bin, bins, how many are strongest and weakest)
    ranked : float32, work space of the largest of those counts, of LANES lanes
    """
    width = values.shape[1]
    largest = splat(0.0)
    for k in range(len(power) // LANES):
        largest = maximum(largest, load(power, k * LANES))
    floor = square_root(largest) * splat(RESOLVED)
    for band in range(len(bands)):
        first, count, few = bands[band]
        strongest = maximum(_strongest(power, first, count, few, ranked), floor)
        weakest = maximum(_weakest(power, first, count, few, ranked), floor)
        store(values, peaks + band * width, decibels(strongest))
        store(values, valleys + band * width, decibels(weakest))


@part
def _strongest(power: Floats, first: int, count: int, few: int, ranked: Floats) -> Lanes:
    """Return the mean magnitude of the ``few`` strongest bins: each bin sinks until it meets a weaker one."""
    for rank in range(few):
        store(ranked, rank * LANES, splat(0.0))
    for k in range(first, first + count, AT_ONCE):
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


@part
def _weakest(power: Floats, first: int, count: int, few: int, ranked: Floats) -> Lanes:
    """Return the mean magnitude of the ``few`` weakest bins."""
    for rank in range(few):
        store(ranked, rank * LANES, splat(HUGE))
    for k in range(first, first + count, AT_ONCE):
        last = first + count - 1
        a = load(power, k * LANES)
        b = load(power, (k + 1) * LANES) if k + 1 <= last else splat(HUGE)
        c = load(power, (k + 2) * LANES) if k + 2 <= last else splat(HUGE)
        d = load(power, (k + 3) * LANES) if k + 3 <= last else splat(HUGE)
        for rank in range(few):
            held = load(ranked, rank * LANES)
            held, a = minimum(held, a), maximum(held, a)
            held, b = minimum(held, b), maximum(held, b)
            held, c = minimum(held, c), maximum(held, c)
            held, d = minimum(held, d), maximum(held, d)
            store(ranked, rank * LANES, held)
    return _mean_magnitude(ranked, few)


@part
def _mean_magnitude(ranked: Floats, few: int) -> Lanes:
    total = splat(0.0)
    for rank in range(few):
        total += square_root(load(ranked, rank * LANES))
    return total / splat(few)
