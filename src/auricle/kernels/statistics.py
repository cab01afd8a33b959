"""Statistics of each row of values over a stretch of frames."""

import math

from auricle.kernels.compiled import kernel, part
from auricle.kernels.lanes import Floats, Integers
from auricle.kernels.totals import total, total_of_squares

__all__ = ["COMPUTED", "summarise"]

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
