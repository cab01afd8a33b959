"""One number, or a few, that describe each frame: level, crossings, and the shape of its spectrum."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.features.columns import CONTRAST_FMIN_HZ, contrast_bands
from auricle.features.filters import chroma_filters
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import AMIN, Spectrum, checked, decibels, in_blocks, magnitude, power
from auricle.features.spectrum import log_mel as log_mel_of

__all__ = [
    "chroma_stft",
    "energy",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_flux",
    "spectral_rolloff",
    "zero_crossing_rate",
]

ROLLOFF = 0.85
CONTRAST_QUANTILE = 0.02


def _frames(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    view: Spectrum = np.lib.stride_tricks.sliding_window_view(checked(samples, spec), spec.n_fft)[:: spec.hop]
    return view


def _float32(values: NDArray[Any]) -> Spectrum:
    return values.astype(np.float32)


def _column(values: NDArray[np.floating]) -> Spectrum:
    return values.astype(np.float32).reshape(-1, 1)


def _bins_hz(spec: FeatureSpec) -> NDArray[np.float64]:
    bins: NDArray[Any] = np.arange(spec.n_fft // 2 + 1) * (spec.rate_hz / spec.n_fft)
    return bins


def energy(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Sum of squared samples of each frame: float32, shape (n_frames, 1)."""
    return _column(np.sum(np.square(_frames(samples, spec), dtype=np.float64), axis=1))


def rms(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Root mean square of each frame: float32, shape (n_frames, 1). Equals librosa.feature.rms."""
    return _column(np.sqrt(energy(samples, spec) / spec.n_fft))


def zero_crossing_rate(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Fraction of samples at which the sign changes: float32, shape (n_frames, 1).

    Samples within 1e-10 of 0 count as positive. Equals librosa.feature.zero_crossing_rate.
    """
    below = _frames(samples, spec) < -1e-10
    return _column(np.mean(np.diff(below, axis=1, prepend=below[:, :1]), axis=1))


def spectral_centroid(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Mean frequency of each frame, weighted by magnitude, in Hz: float32, shape (n_frames, 1); 0 for silence."""
    return _column(_centroid_hz(magnitude(samples, spec), spec))


def _centroid_hz(spectrum: Spectrum, spec: FeatureSpec) -> NDArray[np.float64]:
    total = np.maximum(spectrum.sum(axis=1, dtype=np.float64), np.finfo(np.float32).tiny)
    hz: NDArray[np.float64] = (spectrum * _bins_hz(spec)).sum(axis=1) / total
    return hz


def spectral_bandwidth(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Deviation of frequency about the centroid, weighted by magnitude, in Hz: float32, shape (n_frames, 1)."""
    spectrum = magnitude(samples, spec)
    total = np.maximum(spectrum.sum(axis=1, dtype=np.float64), np.finfo(np.float32).tiny)
    distance = _bins_hz(spec) - _centroid_hz(spectrum, spec)[:, np.newaxis]
    return _column(np.sqrt((spectrum * distance**2).sum(axis=1) / total))


def spectral_rolloff(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Frequency below which 85% of each frame's magnitude lies, in Hz: float32, shape (n_frames, 1)."""
    below = np.cumsum(magnitude(samples, spec), axis=1, dtype=np.float64)
    return _column(_bins_hz(spec)[np.argmax(below >= ROLLOFF * below[:, -1:], axis=1)])


def spectral_flatness(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Geometric over arithmetic mean of each frame's power, in [0, 1]: float32, shape (n_frames, 1)."""
    floored = np.maximum(power(samples, spec), AMIN)
    return _column(np.exp(np.log(floored).mean(axis=1)) / floored.mean(axis=1))


def spectral_contrast(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Peak over valley of each octave band, in dB: float32, shape (n_frames, n_bands + 1)."""
    spectrum, bins_hz = magnitude(samples, spec), _bins_hz(spec)
    n_bands = contrast_bands(spec.rate_hz)
    edges_hz = np.concatenate(([0.0], CONTRAST_FMIN_HZ * 2.0 ** np.arange(n_bands + 1)))
    peaks, valleys = np.empty((2, len(spectrum), n_bands + 1), np.float32)
    for band in range(n_bands + 1):
        inside = np.flatnonzero((bins_hz >= edges_hz[band]) & (bins_hz <= edges_hz[band + 1]))
        start, stop = inside[0] - (band > 0), inside[-1] + 1
        if band == n_bands:
            stop = bins_hz.size
        count = max(1, int(np.rint(CONTRAST_QUANTILE * (stop - start))))
        ranked = np.sort(spectrum[:, start : stop - (band < n_bands)], axis=1)
        peaks[:, band], valleys[:, band] = ranked[:, -count:].mean(axis=1), ranked[:, :count].mean(axis=1)
    return _within_80_db(decibels(peaks)) - _within_80_db(decibels(valleys))


def _within_80_db(levels_db: Spectrum) -> Spectrum:
    floored: Spectrum = np.maximum(levels_db, levels_db.max() - 80)
    return floored


def chroma_stft(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Power in each of the 12 pitch classes, C first, over the frame's largest: float32, shape (n_frames, 12)."""
    classes = in_blocks(power(samples, spec), chroma_filters(spec.rate_hz, spec.n_fft))
    largest = classes.max(axis=1, keepdims=True)
    return _float32(classes / np.where(largest < np.finfo(np.float32).tiny, 1, largest))


def spectral_flux(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Mean rise of the mel bands since the frame before, in dB: float32, shape (n_frames, 1); the first frame has 0."""
    levels = log_mel_of(samples, spec)
    return _column(np.maximum(0, np.diff(levels, axis=0, prepend=levels[:1])).mean(axis=1))
