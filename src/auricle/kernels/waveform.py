"""Waveform measures in one pass over the samples: mean, range, block sums, block powers, samples beyond a level."""

from auricle.kernels.compiled import kernel
from auricle.kernels.simd import LANES, Floats, below, extract, load, maximum, minimum, splat
from auricle.kernels.statistics import total, total_of_squares

__all__ = ["block_powers", "block_sums", "count_beyond", "mean_and_range"]
CHUNK_SAMPLES = 1024  # summed in float32, then added in float64


@kernel
def mean_and_range(samples: Floats) -> tuple[float, float, float]:
    """Return the mean, the smallest and the largest of at least one sample.

    A second pass over the residuals corrects the rounding of the float32 mean.
    """
    low, high = samples[0], samples[0]
    lows, highs, middle = splat(low), splat(high), splat(total(samples) / len(samples))
    mean, left, whole = extract(middle, 0), 0.0, len(samples) - len(samples) % LANES
    for first in range(0, whole, CHUNK_SAMPLES):
        away = splat(0.0)
        for i in range(first, min(first + CHUNK_SAMPLES, whole), LANES):
            some = load(samples, i)
            lows, highs, away = minimum(lows, some), maximum(highs, some), away + (some - middle)
        for lane in range(LANES):
            left += extract(away, lane)
    for lane in range(LANES):
        low, high = min(low, extract(lows, lane)), max(high, extract(highs, lane))
    for i in range(whole, len(samples)):
        low, high, left = min(low, samples[i]), max(high, samples[i]), left + (samples[i] - mean)
    return mean + left / len(samples), low, high


@kernel
def block_powers(samples: Floats, centre: float, size: int, powers: Floats, centred: Floats) -> float:
    """Write the mean square of every whole block of ``size`` samples, raw and after subtracting ``centre``.

    Parameters
    ----------
    powers, centred : float32, shape (len(samples) // size,)

    Returns
    -------
    float
        Mean square of all samples after subtracting ``centre``, those after the last whole block included.
    """
    n_blocks, energy = len(samples) // size, 0.0
    for block in range(n_blocks):
        stretch = samples[block * size : (block + 1) * size]
        away = total_of_squares(stretch, centre)
        powers[block] = total_of_squares(stretch, 0.0) / size
        centred[block] = away / size
        energy += away
    return (energy + total_of_squares(samples[n_blocks * size :], centre)) / len(samples)


@kernel
def block_sums(samples: Floats, centre: float, size: int, found: Floats) -> None:
    """Write the sum of every block of ``size`` samples after subtracting ``centre``; the last may be shorter."""
    middle = splat(centre)
    for block in range(len(found)):
        start, stop = block * size, min((block + 1) * size, len(samples))
        whole, lanes = stop - (stop - start) % LANES, splat(0.0)
        for i in range(start, whole, LANES):
            lanes += load(samples, i) - middle
        one, two, three, four = 0.0, 0.0, 0.0, 0.0  # four independent chains of additions
        for lane in range(0, LANES, 4):
            one += extract(lanes, lane)
            two += extract(lanes, lane + 1)
            three += extract(lanes, lane + 2)
            four += extract(lanes, lane + 3)
        for i in range(whole, stop):
            one += samples[i] - centre
        found[block] = (one + two) + (three + four)


@kernel
def count_beyond(samples: Floats, top: float) -> int:
    """Return how many samples are at least ``top`` or at most ``-top``."""
    inside, count, high, low = splat(0.0), 0, splat(top), splat(-top)
    whole = len(samples) - len(samples) % LANES
    for i in range(0, whole, LANES):
        some = load(samples, i)
        inside += below(some, high) * below(low, some)
    for lane in range(LANES):
        count += whole // LANES - int(extract(inside, lane))
    for i in range(whole, len(samples)):
        count += not -top < samples[i] < top
    return count
