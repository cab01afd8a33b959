"""Hum: whether the mains are heard, 50 or 60 Hz and their harmonics."""

import math
from functools import lru_cache

import numpy as np
from scipy import fft

from auricle.audio.clip import Samples

__all__ = ["MAINS_HZ", "hum_db"]

MAINS_HZ = (50.0, 60.0)
HARMONICS = (1, 2, 3)
LEAST_S = 0.2
"""A shorter sound cannot tell the mains from a voice."""
LINE_HZ = 1.5
LINE_BINS = 2.0  # of the sound's own length: half of what its window smears a line over
REACH = 0.45
SAMPLES_A_SECOND = 1000

_TINY = 1e-30


def hum_db(samples: Samples, rate_hz: int) -> float:
    """Return how far lines at the first harmonics of the mains stand out of what lies between them.

    The second largest of three counts, so that neither one missing harmonic nor one tone of the sound decides. Sound
    without hum has a few dB, as any line of a spectrum has.

    Parameters
    ----------
    samples : float32, shape (n,), without DC offset
    rate_hz : samples a second

    Returns
    -------
    dB, not below 0; 0 for sounds of less than 0.2 s
    """
    if samples.size < LEAST_S * rate_hz or rate_hz < SAMPLES_A_SECOND:
        return 0.0
    # A mean over each millisecond is filter enough: its zeros lie on what would fold onto the lines.
    step = rate_hz // SAMPLES_A_SECOND
    slow = np.add.reduceat(samples, np.arange(0, samples.size, step))
    size = 1 << math.ceil(math.log2(slow.size))
    spectrum = fft.rfft(slow * _hann(slow.size), size)
    levels_db = 10 * np.log10(spectrum.real**2 + spectrum.imag**2 + np.float32(_TINY))
    sums = [0.0, *np.cumsum(levels_db, dtype=np.float64).tolist()]
    bins = step * size / rate_hz  # to a hertz
    reach = max(LINE_HZ, LINE_BINS * rate_hz / samples.size) * bins
    found = [
        sorted(_stands_out_db(levels_db, sums, k * hz * bins, hz * bins, reach) for k in HARMONICS)[1]
        for hz in MAINS_HZ
    ]
    return max(0.0, *found)


def _stands_out_db(levels_db: Samples, sums: list[float], line: float, spacing: float, reach: float) -> float:
    """Return how far the highest level at a line stands over the mean of the flanks; all places in bins."""
    half = max(reach / 2, 1.0)
    top = float(levels_db[math.ceil(line - half) : math.floor(line + half) + 1].max())
    flanks = (
        (max(1, math.ceil(line - REACH * spacing)), math.floor(line - 1.2 * reach) + 1),
        (math.ceil(line + 1.2 * reach), math.floor(line + REACH * spacing) + 1),
    )
    known = [(first, end) for first, end in flanks if end > first]
    if not known:
        return 0.0
    total = sum(sums[end] - sums[first] for first, end in known)
    return top - total / sum(end - first for first, end in known)


@lru_cache(maxsize=64)
def _hann(size: int) -> Samples:
    return np.hanning(size + 2)[1:-1].astype(np.float32)
