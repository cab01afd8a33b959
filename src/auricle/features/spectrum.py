"""The spectrogram of one window: short-time Fourier transform, magnitude, phase, power and log-mel."""

from collections.abc import Iterator

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from auricle.errors import FeatureError
from auricle.features.filters import hann, mel_filters
from auricle.features.spec import FeatureSpec

__all__ = ["decibels", "log_mel", "magnitude", "mel_power", "phase", "power", "stft"]

Spectrum = NDArray[np.float32]

BLOCK_FRAMES = 16  # products of this one shape only: a BLAS call whose shape follows the batch changes the last bits
AMIN = 1e-10  # -100 dB, where librosa floors a power too


def checked(samples: ArrayLike, spec: FeatureSpec) -> NDArray[np.float32]:
    """Return one window's samples as float32.

    Raises
    ------
    FeatureError : not one channel, not finite, or fewer samples than one frame
    """
    array = np.ascontiguousarray(samples, dtype=np.float32)
    if array.ndim != 1:
        raise FeatureError(f"A window must be one channel of samples. Got shape {array.shape}.")
    if array.size < spec.n_fft:
        raise FeatureError(
            f"A window must hold at least one frame of {spec.n_fft} samples ({spec.n_fft / spec.rate_hz:.4g} s at "
            f"{spec.rate_hz} Hz). Got {array.size}. Lower `n_fft` or leave the window out."
        )
    if not np.isfinite(array).all():
        raise FeatureError(f"Every sample must be finite. Sample {int(np.argmin(np.isfinite(array)))} is not.")
    return array


def _blocks(samples: NDArray[np.float32], spec: FeatureSpec) -> Iterator[tuple[slice, NDArray[np.complex64]]]:
    """Yield the spectra of 16 frames at a time, the last block filled up with zeros."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, spec.n_fft)[:: spec.hop]
    window = hann(spec.n_fft).astype(np.float32)
    for start in range(0, len(frames), BLOCK_FRAMES):
        some = frames[start : start + BLOCK_FRAMES]
        block = np.zeros((BLOCK_FRAMES, spec.n_fft), np.float32)
        np.multiply(some, window, out=block[: len(some)])
        yield slice(start, start + len(some)), scipy.fft.rfft(block, axis=1)


def stft(samples: ArrayLike, spec: FeatureSpec) -> NDArray[np.complex64]:
    """Short-time Fourier transform of one window.

    Parameters
    ----------
    samples : float32, shape (n,), in [-1, 1], at ``spec.rate_hz``

    Returns
    -------
    complex64, shape (n_frames, n_fft // 2 + 1)

    Raises
    ------
    FeatureError : a sample is not finite, or fewer samples than one frame

    Source: Allen (1977), periodic Hann window; equals librosa.stft (center=False).
    """
    array = checked(samples, spec)
    spectrum = np.empty((spec.n_frames(array.size), spec.n_fft // 2 + 1), np.complex64)
    for rows, block in _blocks(array, spec):
        spectrum[rows] = block[: rows.stop - rows.start]
    return spectrum


def magnitude(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Magnitude of the short-time Fourier transform: float32, shape (n_frames, n_fft // 2 + 1)."""
    return np.abs(stft(samples, spec))


def phase(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Phase of the short-time Fourier transform in radians: float32, shape (n_frames, n_fft // 2 + 1)."""
    return np.angle(stft(samples, spec)).astype(np.float32)


def power(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Squared magnitude of the short-time Fourier transform: float32, shape (n_frames, n_fft // 2 + 1)."""
    return power_of(stft(samples, spec))


def power_of(spectrum: NDArray[np.complex64]) -> Spectrum:
    """Return the squared magnitude of a spectrum."""
    squared: Spectrum = spectrum.real**2 + spectrum.imag**2
    return squared


def mel_power(power_spectrum: Spectrum, spec: FeatureSpec) -> Spectrum:
    """Return the power in each mel band: float32, shape (n_frames, n_mels)."""
    return in_blocks(power_spectrum, mel_filters(spec))


def in_blocks(rows: Spectrum, matrix: NDArray[np.float64]) -> Spectrum:
    """Return ``rows @ matrix.T``, 16 rows at a time, so that a row's bits do not depend on its neighbours."""
    weights = np.ascontiguousarray(matrix.T, dtype=np.float32)
    product = np.empty((len(rows), weights.shape[1]), np.float32)
    block = np.zeros((BLOCK_FRAMES, rows.shape[1]), np.float32)
    for start in range(0, len(rows), BLOCK_FRAMES):
        some = rows[start : start + BLOCK_FRAMES]
        block[: len(some)] = some
        product[start : start + len(some)] = (block @ weights)[: len(some)]
    return product


def decibels(power_values: Spectrum) -> Spectrum:
    """Return ``10 log10`` of a power, floored at -100 dB."""
    levels: Spectrum = 10 * np.log10(np.maximum(power_values, np.float32(AMIN)))
    return levels


def log_mel(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Log-power mel spectrogram of one window.

    Parameters
    ----------
    samples : float32, shape (n,), in [-1, 1], at ``spec.rate_hz``

    Returns
    -------
    float32, shape (n_frames, n_mels), in dB, floored at -100 dB

    Raises
    ------
    FeatureError : a sample is not finite, or fewer samples than one frame

    Source: Slaney (1998); equals librosa.feature.melspectrogram (center=False) within 1e-3 dB
    where the band is within 60 dB of the frame's peak.
    """
    return decibels(mel_power(power(samples, spec), spec))
