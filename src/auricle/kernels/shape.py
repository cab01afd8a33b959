"""The shape of each frame's spectrum: centroid, bandwidth, rolloff and flatness."""

from auricle.kernels.bands import AMIN, TINY, log2
from auricle.kernels.compiled import part
from auricle.kernels.lanes import (
    LANES,
    Floats,
    below,
    exponent,
    load,
    mantissa,
    maximum,
    splat,
    square_root,
    store,
)

__all__ = ["flatness", "moments"]

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
        weighted += level * index
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
        spread += level * distance * distance
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
