"""Recording quality from the spectrum: bandwidth, steepness of the cut-off, and spectral holes left by a codec."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from auricle.audio.clip import Samples
from auricle.kernels.fourier import FourierPlan, fourier_plan
from auricle.kernels.frames import WorkspacePool
from auricle.kernels.framing import lane_offsets
from auricle.kernels.long_term import count_steep_steps, long_term_spectrum
from auricle.kernels.pocketfft import rfft
from auricle.kernels.simd import LANES

__all__ = ["spectral_measures"]

MIN_FRAME_S = 0.032
MIN_FFT_SAMPLES = 8  # shorter frames, and lengths that are no power of two, go through SciPy
BANDWIDTH_RANGE_DB = 60.0
BAND_BINS = 8
LOUD_DB = 30.0  # frames further below the loudest hold no trace of a codec
HOLE_DB = 30.0
FLOOR_DB = -120.0

_FLOOR_POWER = 10 ** (FLOOR_DB / 10)
_WORKSPACES = WorkspacePool()
_LANE_MASK = np.repeat(np.array([1, 0], np.float32), LANES)

Powers = NDArray[np.float32]


def spectral_measures(samples: Samples, rate_hz: int, *, dc: float) -> tuple[float, float, float]:
    """Return the bandwidth in Hz, the steepness of the cut-off in dB, and the fraction of holes.

    Parameters
    ----------
    samples : float32, shape (n,), n ≥ 1, finite
    rate_hz : int
        Sample rate.
    dc : float
        Mean to subtract from each sample.
    """
    size = min(1 << max(1, math.ceil(math.log2(MIN_FRAME_S * rate_hz))), samples.size)
    bins, bands = _powers(samples, size, dc)
    peak = float(bins.max())
    if peak <= _FLOOR_POWER * size:
        return 0.0, 0.0, 0.0
    top_bin = int(np.flatnonzero(bins >= peak * _power_ratio(-BANDWIDTH_RANGE_DB))[-1])
    n_bands, n_frames = len(bands), samples.size // size
    if n_bands < 3:
        return top_bin * rate_hz / size, 0.0, 0.0
    in_bands = bins[: n_bands * BAND_BINS].reshape(n_bands, BAND_BINS).sum(axis=1)
    mean_db = 10 * np.log10(np.maximum(in_bands / np.float32(peak), np.float32(_FLOOR_POWER)))
    n_occupied = min(n_bands, max(2, top_bin // BAND_BINS))
    limits = _power_ratio(-LOUD_DB), _FLOOR_POWER, _power_ratio(HOLE_DB)
    n_steps, n_loud = count_steep_steps(bands, n_frames, n_occupied, *limits, np.empty(n_frames, np.float32))
    cutoff_db = max(0.0, float((mean_db[:-2] - mean_db[2:]).max()))
    return top_bin * rate_hz / size, cutoff_db, n_steps / (n_loud * (n_occupied - 1))


def _power_ratio(decibels: float) -> float:
    return float(10 ** (decibels / 10))


def _powers(samples: Samples, size: int, dc: float) -> tuple[Powers, Powers]:
    """Return the power of each bin, summed over all frames, and of each band and frame: (n_bands, at least n_frames).

    Frames do not overlap; samples after the last whole frame do not count.
    """
    n_frames, n_bins = samples.size // size, size // 2 + 1
    n_bands = n_bins // BAND_BINS
    if size < MIN_FFT_SAMPLES or size & (size - 1):
        frames = (samples[: n_frames * size] - np.float32(dc)).reshape(n_frames, size) * _hann(size)
        spectrum = rfft(frames)
        powers = spectrum.real**2 + spectrum.imag**2
        band_powers = powers[:, : n_bands * BAND_BINS].reshape(n_frames, n_bands, BAND_BINS).sum(axis=2)
        return powers.sum(axis=0), np.ascontiguousarray(band_powers.T)
    bins = np.zeros((n_bins, LANES), np.float32)
    bands = np.empty((n_bands, -(-n_frames // LANES) * LANES), np.float32)
    work = _WORKSPACES.get(size, size, 1, 1)
    window, offsets, plan = _tables(size)
    long_term_spectrum(samples, dc, n_frames, window, offsets, plan, BAND_BINS, _LANE_MASK, work, bins.ravel(), bands)
    return bins.sum(axis=1), bands


@lru_cache(maxsize=8)
def _tables(size: int) -> tuple[Samples, NDArray[np.int64], FourierPlan]:
    return _hann(size), lane_offsets(size, size), fourier_plan(size)


@lru_cache(maxsize=16)
def _hann(size: int) -> Samples:
    # Without the zeros at its ends, so that a frame of one sample counts.
    return np.hanning(size + 2)[1:-1].astype(np.float32)
