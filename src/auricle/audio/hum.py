"""Hum: whether the mains are heard, 50 or 60 Hz and their harmonics."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from auricle.audio.clip import Samples
from auricle.kernels.long_term import levels_of
from auricle.kernels.pocketfft import next_fast_len, rfft
from auricle.kernels.simd import LANES
from auricle.kernels.waveform import sums

__all__ = ["MAINS_HZ", "hum_db"]

MAINS_HZ = (50.0, 60.0)
HARMONICS = (1, 2, 3)
LEAST_S = 0.2
"""A shorter sound cannot tell the mains from a voice."""
LINE_HZ = 1.5
LINE_BINS = 2.0  # of the sound's own length: half of what its window smears a line over
REACH = 0.45
HIGHEST_HZ = 60.0 * 4
"""Beyond all that is looked at."""
SAMPLES_A_SECOND = 1000

Places = NDArray[np.int64]


def hum_db(samples: Samples, rate_hz: int, *, dc: float = 0.0) -> float:
    """Return how far lines at the first harmonics of the mains stand out of what lies between them.

    The second largest of three counts, so that neither one missing harmonic nor one tone of the sound decides. Sound
    without hum has a few dB, as any line of a spectrum has.

    Parameters
    ----------
    samples : float32, shape (n,)
    rate_hz : samples a second
    dc : what is taken off each sample

    Returns
    -------
    dB, not below 0; 0 for sounds of less than 0.2 s
    """
    if samples.size < LEAST_S * rate_hz or rate_hz < SAMPLES_A_SECOND:
        return 0.0
    # A mean over each millisecond is filter enough: its zeros lie on what would fold onto the lines.
    step = rate_hz // SAMPLES_A_SECOND
    slow = np.empty(-(-samples.size // step), np.float32)
    sums(samples, dc, step, slow)
    size = next_fast_len(slow.size)
    tapered = np.zeros(size, np.float32)
    np.multiply(slow, _hann(slow.size), out=tapered[: slow.size])
    bins = step * size / rate_hz  # to a hertz
    reach = max(LINE_HZ, LINE_BINS * rate_hz / samples.size) * bins
    lines, flanks, n_flanks = _places(bins, reach)
    known = rfft(tapered)[: math.ceil(HIGHEST_HZ * bins) + 1]
    levels_db, before = np.empty(-(-known.size // LANES) * LANES, np.float32), np.empty(known.size + 1)
    levels_of(known.view(np.float32), levels_db, before)
    tops_db = np.maximum.reduceat(levels_db, lines)[::2]
    floors_db = (before[flanks[1]] - before[flanks[0]]).sum(axis=0) / np.maximum(n_flanks, 1)
    stand_out_db = np.where(n_flanks > 0, tops_db - floors_db, 0.0).reshape(len(MAINS_HZ), len(HARMONICS))
    return max(0.0, float(np.sort(stand_out_db, axis=1)[:, 1].max()))


@lru_cache(maxsize=64)
def _places(bins: float, reach: float) -> tuple[Places, Places, Places]:
    """Return where each line begins and ends, where its two flanks begin and end, and how many bins these hold.

    Parameters
    ----------
    bins : to a hertz
    reach : bins that a line is smeared over
    """
    half = max(reach / 2, 1.0)
    lines, flanks = [], []
    for hz in MAINS_HZ:
        for k in HARMONICS:
            line, farthest = k * hz * bins, REACH * hz * bins
            lines += [math.ceil(line - half), math.floor(line + half) + 1]
            below = max(1, math.ceil(line - farthest)), math.floor(line - 1.2 * reach) + 1
            above = math.ceil(line + 1.2 * reach), math.floor(line + farthest) + 1
            flanks.append([(first, max(first, end)) for first, end in (below, above)])
    places = np.array(flanks).transpose(2, 1, 0)  # begin and end, below and above, by line
    return np.array(lines), places, (places[1] - places[0]).sum(axis=0)


@lru_cache(maxsize=64)
def _hann(size: int) -> Samples:
    return np.hanning(size + 2)[1:-1].astype(np.float32)
