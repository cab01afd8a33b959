"""Mains hum: how far 50 or 60 Hz and their harmonics stand out of the spectrum, in dB."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from auricle.audio.clip import Samples
from auricle.kernels.long_term import bin_levels_db
from auricle.kernels.pocketfft import next_fast_len, rfft
from auricle.kernels.simd import LANES
from auricle.kernels.waveform import block_sums

__all__ = ["MAINS_HZ", "hum_db"]

MAINS_HZ = (50.0, 60.0)
HARMONICS = (1, 2, 3)
MIN_DURATION_S = 0.2  # in shorter sounds a voice looks like the mains
LINE_WIDTH_HZ = 1.5
LINE_WIDTH_BINS = 2.0  # at the sound's own resolution: half the main lobe of its window
FLANK_RATIO = 0.45  # the flanks of a line reach this share of its frequency away
MAX_HZ = 60.0 * 4  # above every line and its flanks
DECIMATED_HZ = 1000

Indices = NDArray[np.int64]


def hum_db(samples: Samples, rate_hz: int, *, dc: float = 0.0) -> float:
    """Measure how far the first three harmonics of the mains stand out of the spectrum between them.

    The second largest of the three counts, so that neither one missing harmonic nor one tone of the sound decides.
    Sound without hum has a few dB, as any bin of a spectrum has.

    Parameters
    ----------
    samples : float32, shape (n,)
    rate_hz : int
        Sample rate.
    dc : float
        Mean to subtract from each sample.

    Returns
    -------
    float, in dB
        At least 0; 0 for sounds shorter than 0.2 s.
    """
    if samples.size < MIN_DURATION_S * rate_hz or rate_hz < DECIMATED_HZ:
        return 0.0
    # A mean over each millisecond suffices against aliasing: its zeros lie on the frequencies that fold onto the lines.
    step = rate_hz // DECIMATED_HZ
    decimated = np.empty(-(-samples.size // step), np.float32)
    block_sums(samples, dc, step, decimated)
    size = next_fast_len(decimated.size)
    tapered = np.zeros(size, np.float32)
    np.multiply(decimated, _hann(decimated.size), out=tapered[: decimated.size])
    bins_per_hz = step * size / rate_hz
    width_bins = max(LINE_WIDTH_HZ, LINE_WIDTH_BINS * rate_hz / samples.size) * bins_per_hz
    lines, flanks, n_flank_bins = _line_bins(bins_per_hz, width_bins)
    spectrum = rfft(tapered)[: math.ceil(MAX_HZ * bins_per_hz) + 1]
    levels_db, cumulative_db = np.empty(-(-spectrum.size // LANES) * LANES, np.float32), np.empty(spectrum.size + 1)
    bin_levels_db(spectrum.view(np.float32), levels_db, cumulative_db)
    peaks_db = np.maximum.reduceat(levels_db, lines)[::2]
    floors_db = (cumulative_db[flanks[1]] - cumulative_db[flanks[0]]).sum(axis=0) / np.maximum(n_flank_bins, 1)
    prominence_db = np.where(n_flank_bins > 0, peaks_db - floors_db, 0.0).reshape(len(MAINS_HZ), len(HARMONICS))
    return max(0.0, float(np.sort(prominence_db, axis=1)[:, 1].max()))


@lru_cache(maxsize=64)
def _line_bins(bins_per_hz: float, width_bins: float) -> tuple[Indices, Indices, Indices]:
    """Return the first and end bin of each line, those of its two flanks, and the number of bins in the flanks."""
    half = max(width_bins / 2, 1.0)
    lines, flanks = [], []
    for hz in MAINS_HZ:
        for k in HARMONICS:
            line, farthest = k * hz * bins_per_hz, FLANK_RATIO * hz * bins_per_hz
            lines += [math.ceil(line - half), math.floor(line + half) + 1]
            below = max(1, math.ceil(line - farthest)), math.floor(line - 1.2 * width_bins) + 1
            above = math.ceil(line + 1.2 * width_bins), math.floor(line + farthest) + 1
            flanks.append([(first, max(first, end)) for first, end in (below, above)])
    edges = np.array(flanks).transpose(2, 1, 0)  # first and end bin, below and above, by line
    return np.array(lines), edges, (edges[1] - edges[0]).sum(axis=0)


@lru_cache(maxsize=64)
def _hann(size: int) -> Samples:
    return np.hanning(size + 2)[1:-1].astype(np.float32)
