"""The cepstrum: mel-frequency cepstral coefficients and how they change."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.errors import UsageError
from auricle.features.analysis import delta_weights, group_of
from auricle.features.spec import FeatureSpec

__all__ = ["delta", "mfcc"]


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
    within 2e-3 where all bands are within 60 dB of the frame's peak (tests/features/test_cepstrum.py).
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

    Source: Savitzky and Golay (1964), Furui (1986); equals librosa.feature.delta (tests/features/test_cepstrum.py).
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
