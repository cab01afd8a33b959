"""Spectrograms of one window: STFT, magnitude, phase, power, log-mel, MFCC, deltas, modulation spectrum."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.errors import UsageError
from auricle.features.analysis import checked, delta_weights, group_of, plan_of, values_of
from auricle.features.columns import modulation_edges_hz
from auricle.features.filters import hann
from auricle.features.spec import FeatureSpec
from auricle.kernels.pocketfft import next_fast_len, rfft
from auricle.kernels.statistics import centre_and_taper, octave_amplitudes

__all__ = [
    "delta",
    "log_mel",
    "magnitude",
    "mfcc",
    "modulation_depth",
    "modulation_spectrum",
    "phase",
    "power",
    "stft",
]


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

    Examples
    --------
    >>> import numpy as np
    >>> from auricle.features import FeatureSpec, log_mel
    >>> spec = FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, n_mels=40)
    >>> log_mel(np.zeros(16_000, np.float32), spec).shape
    (122, 40)

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

    The derivative of a polynomial of that order, fitted to 9 frames; the ends repeat the nearest fit. Shorter windows
    use the longest odd span that fits; the result is 0 below 3 frames.

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


MIN_MODULATION_S = 2.0
"""Shorter windows are padded with their mean level, so that the lowest octave holds a bin of the transform."""


def modulation_spectrum(samples: ArrayLike, spec: FeatureSpec) -> NDArray[np.float32]:
    """Modulation depth of each mel band's level, in each octave of modulation frequency from 1 Hz on.

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
    """Return the modulation spectrum, shape (n_mels, n_octaves), of a range of frames of log-mel levels.

    Parameters
    ----------
    levels_db : float32, shape (n_mels, n_frames)
    frames : slice
        The frames to use.
    """
    taper, length, edges = _modulation_tables(frames.stop - frames.start, spec.rate_hz / spec.hop)
    tapered = np.empty((len(levels_db), length), np.float32)
    centre_and_taper(levels_db, frames.start, frames.stop, taper, tapered)
    components = rfft(tapered).view(np.float32)  # real, imaginary, real …
    octaves = np.empty((len(levels_db), len(edges) - 1), np.float32)
    octave_amplitudes(components, edges, octaves)
    return octaves


@lru_cache(maxsize=64)
def _modulation_tables(n_frames: int, frame_rate_hz: float) -> tuple[NDArray[np.float32], int, NDArray[np.int64]]:
    """Return the taper (scaled so that powers sum to the variance), the transform length, and the octave edges."""
    length = next_fast_len(max(n_frames, int(np.ceil(MIN_MODULATION_S * frame_rate_hz))))
    taper = np.hanning(n_frames + 2)[1:-1]
    taper *= np.sqrt(2 / (length * np.sum(taper**2)))
    bins_hz = np.arange(length // 2 + 1) * (frame_rate_hz / length)
    edges = 2 * np.searchsorted(bins_hz, modulation_edges_hz(frame_rate_hz))
    return taper.astype(np.float32), length, np.minimum(edges, 2 * bins_hz.size - 1)
