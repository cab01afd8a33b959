"""What the modulation spectrum needs beside a Fourier transform: levels made ready for it, and powers by octave."""

import math

from auricle.kernels.compiled import kernel
from auricle.kernels.simd import Floats, Integers
from auricle.kernels.statistics import total, total_of_squares

__all__ = ["centre_and_taper", "octaves_of"]


@kernel
def centre_and_taper(levels: Floats, first: int, stop: int, taper: Floats, tapered: Floats) -> None:
    """Take each row's mean off frames ``first`` to ``stop``, multiply by a taper, and fill up with zeros.

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
def octaves_of(parts: Floats, edges: Integers, octaves: Floats) -> None:
    """Write the root of the power between each two edges.

    Parameters
    ----------
    parts : float32, shape (n_rows, 2 * n_bins): real and imaginary parts in turn
    edges : int64, shape (n_octaves + 1,), places in a row of ``parts``
    octaves : float32, shape (n_rows, n_octaves)
    """
    for row in range(len(parts)):
        for octave in range(len(edges) - 1):
            octaves[row, octave] = math.sqrt(total_of_squares(parts[row, edges[octave] : edges[octave + 1]], 0.0))
