"""The spectrogram of one window: short-time Fourier transform, magnitude, phase, power and log-mel."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.errors import UsageError
from auricle.features.analysis import checked, delta_weights, group_of
from auricle.features.filters import hann
from auricle.features.spec import FeatureSpec

__all__ = ["delta", "log_mel", "magnitude", "mfcc", "phase", "power", "stft"]


Spectrum = NDArray[np.float32]

BLOCK_FRAMES = 64  # frames transformed at once: memory stays small however long the window is


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

    Source: Allen (1977), with the periodic Hann window; equals librosa.stft (center=False) within 1e-6 of the
    largest magnitude (tests/features/test_spectrum.py).
    """
    import scipy.fft  # only needed here, and slow to import

    array = checked(samples, spec)
    frames = np.lib.stride_tricks.sliding_window_view(array, spec.n_fft)[:: spec.hop]
    window = hann(spec.n_fft).astype(np.float32)
    spectrum = np.empty((len(frames), spec.n_fft // 2 + 1), np.complex64)
    for start in range(0, len(frames), BLOCK_FRAMES):
        spectrum[start : start + BLOCK_FRAMES] = scipy.fft.rfft(frames[start : start + BLOCK_FRAMES] * window, axis=1)
    return spectrum


def magnitude(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Magnitude of the short-time Fourier transform of one window: float32, shape (n_frames, n_fft // 2 + 1).

    Raises
    ------
    FeatureError : a sample is not finite, or fewer samples than one frame
    """
    return np.abs(stft(samples, spec))


def phase(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Phase of the short-time Fourier transform of one window, in radians: float32, shape (n_frames, n_fft // 2 + 1).

    Raises
    ------
    FeatureError : a sample is not finite, or fewer samples than one frame
    """
    angles: Spectrum = np.angle(stft(samples, spec))
    return angles


def power(samples: ArrayLike, spec: FeatureSpec) -> Spectrum:
    """Squared magnitude of the short-time Fourier transform: float32, shape (n_frames, n_fft // 2 + 1).

    Raises
    ------
    FeatureError : a sample is not finite, or fewer samples than one frame
    """
    spectrum = stft(samples, spec)
    squares: Spectrum = spectrum.real**2 + spectrum.imag**2
    return squares


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

    Source: Slaney (1998), or Young et al., The HTK Book; equals librosa.feature.melspectrogram (center=False) within
    1e-3 dB where the band is within 60 dB of the frame's peak, else within 1e-6 of the peak's power
    (tests/features/test_spectrum.py).
    """
    return group_of(samples, spec, "mel")


def mfcc(samples: ArrayLike, spec: FeatureSpec) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients of one window.

    Parameters
    ----------
    samples : float32, shape (n,), in [-1, 1], at ``spec.rate_hz``

    Returns
    -------
    float32, shape (n_frames, n_mfcc): the orthonormal cosine transform of the log-mel spectrogram, in dB

    Raises
    ------
    FeatureError : a sample is not finite, or fewer samples than one frame

    Source: Davis and Mermelstein (1980); equals librosa.feature.mfcc of a log-mel spectrogram with ``top_db=None``
    within 2e-3 where all bands are within 60 dB of the frame's peak (tests/features/test_spectrum.py).
    """
    return group_of(samples, spec, "mfcc")


def delta(values: ArrayLike, *, order: int = 1) -> NDArray[np.float32]:
    """Change of each value over time: per frame (order 1), or per frame squared (order 2).

    The derivative of a polynomial of that order, fitted to 9 frames; the ends keep the nearest fit. A window of
    fewer frames uses the longest odd span that it holds; one of fewer than 3 frames does not change.

    Parameters
    ----------
    values : shape (n_frames, n), any values of a window's frames

    Returns
    -------
    float32, shape as ``values``

    Raises
    ------
    UsageError : an order other than 1 and 2, or values that are not frames by numbers

    Source: Savitzky and Golay (1964), Furui (1986); equals librosa.feature.delta (tests/features/test_spectrum.py).
    """
    frames = np.asarray(values, np.float32)
    if frames.ndim != 2:
        raise UsageError(f"`values` must have shape (n_frames, n). Got {frames.shape}.")
    if order not in (1, 2):
        raise UsageError(f"`order` must be 1 or 2. Got {order}.")
    weights = delta_weights(len(frames))[order - 1]
    inner, half = len(frames) - len(weights) + 1, len(weights) // 2
    changes = sum(weight * frames[k : k + inner] for k, weight in enumerate(weights))
    return np.pad(np.asarray(changes, np.float32), ((half, half), (0, 0)), mode="edge")
