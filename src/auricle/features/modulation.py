"""The modulation spectrum: how fast, and how far, the level of each mel band swings within a window."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.features.analysis import plan_of, values_of
from auricle.features.columns import modulation_edges_hz
from auricle.features.spec import FeatureSpec
from auricle.kernels.pocketfft import next_fast_len, rfft
from auricle.kernels.statistics import centre_and_taper, octave_amplitudes

__all__ = ["modulation_depth", "modulation_spectrum"]

SHORTEST_S = 2.0
"""Shorter windows are filled up with their mean level, so that the lowest octave holds a bin of the transform."""


def modulation_spectrum(samples: ArrayLike, spec: FeatureSpec) -> NDArray[np.float32]:
    """How far each mel band's level swings in each octave of modulation frequency from 1 Hz on.

    Parameters
    ----------
    samples : float32, shape (n,), in [-1, 1], at ``spec.rate_hz``

    Returns
    -------
    float32, shape (n_mels, n_octaves), root mean square deviation in dB: 0 for a steady sound

    Raises
    ------
    FeatureError : a sample is not finite, or fewer samples than one frame

    Source: Atlas and Shamma (2003); Greenberg and Kingsbury (1997).
    """
    values, n_frames = values_of(samples, plan_of(spec, ("mel",)))
    return modulation_depth(values[: spec.n_mels], slice(0, n_frames), spec)


def modulation_depth(levels_db: NDArray[np.float32], frames: slice, spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the modulation spectrum, shape (n_mels, n_octaves), of some frames of log-mel levels.

    Parameters
    ----------
    levels_db : float32, shape (n_mels, n_frames)
    frames : those that count
    """
    taper, length, edges = _tables(frames.stop - frames.start, spec.rate_hz / spec.hop)
    tapered = np.empty((len(levels_db), length), np.float32)
    centre_and_taper(levels_db, frames.start, frames.stop, taper, tapered)
    parts = rfft(tapered).view(np.float32)  # real, imaginary, real …
    octaves = np.empty((len(levels_db), len(edges) - 1), np.float32)
    octave_amplitudes(parts, edges, octaves)
    return octaves


@lru_cache(maxsize=64)
def _tables(n_frames: int, frame_rate_hz: float) -> tuple[NDArray[np.float32], int, NDArray[np.int64]]:
    """Return the taper, scaled so that powers add up to the variance, the length, and where octaves begin."""
    length = next_fast_len(max(n_frames, int(np.ceil(SHORTEST_S * frame_rate_hz))))
    taper = np.hanning(n_frames + 2)[1:-1]
    taper *= np.sqrt(2 / (length * np.sum(taper**2)))
    bins_hz = np.arange(length // 2 + 1) * (frame_rate_hz / length)
    edges = 2 * np.searchsorted(bins_hz, modulation_edges_hz(frame_rate_hz))
    return taper.astype(np.float32), length, np.minimum(edges, 2 * bins_hz.size - 1)
