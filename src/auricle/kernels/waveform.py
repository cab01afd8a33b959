"""Measures of a waveform that need one pass over its samples: sums, extremes, and the powers of short blocks."""

from auricle.kernels.compiled import kernel
from auricle.kernels.simd import LANES, Floats, below, extract, load, maximum, minimum, splat
from auricle.kernels.statistics import total, total_of_squares

__all__ = ["block_powers", "count_beyond", "sums", "survey"]
AT_ONCE = 1024  # samples that are summed in float32 before they are added to the others in float64


@kernel
def survey(samples: Floats) -> tuple[float, float, float]:
    """Return the mean of at least one sample, the smallest and the largest.

    The mean is taken twice, and the second time of what the first leaves in each sample: float32 sums that well.
    """
    low, high = samples[0], samples[0]
    lows, highs, middle = splat(low), splat(high), splat(total(samples) / len(samples))
    mean, left, whole = extract(middle, 0), 0.0, len(samples) - len(samples) % LANES
    for first in range(0, whole, AT_ONCE):
        away = splat(0.0)
        for i in range(first, min(first + AT_ONCE, whole), LANES):
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
    """Write the mean square of every whole block of ``size`` samples, as it is and less ``centre``.

    Parameters
    ----------
    powers, centred : float32, shape (len(samples) // size,)

    Returns
    -------
    the mean square of all samples less ``centre``, those after the last whole block included
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
def sums(samples: Floats, centre: float, size: int, found: Floats) -> None:
    """Write the sum of every block of ``size`` samples less ``centre``; the last may be shorter."""
    middle = splat(centre)
    for block in range(len(found)):
        start, stop = block * size, min((block + 1) * size, len(samples))
        whole, lanes = stop - (stop - start) % LANES, splat(0.0)
        for i in range(start, whole, LANES):
            lanes += load(samples, i) - middle
        one, two, three, four = 0.0, 0.0, 0.0, 0.0  # one sum alone would wait for each of its additions
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
