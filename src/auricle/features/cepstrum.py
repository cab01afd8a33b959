"""The cepstrum: mel-frequency cepstral coefficients and how they change."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auricle.features.filters import cosine_transform
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import in_blocks, log_mel

__all__ = ["DELTA_FRAMES", "delta", "mfcc", "mfcc_of"]

DELTA_FRAMES = 9


def mfcc(samples: ArrayLike, spec: FeatureSpec) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients of one window: float32, shape (n_frames, n_mfcc).

    Source: Davis and Mermelstein (1980); equals librosa.feature.mfcc of the log-mel spectrogram with ``top_db=None``.
    """
    return mfcc_of(log_mel(samples, spec), spec)


def mfcc_of(levels_db: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the cepstrum of a log-mel spectrogram."""
    return in_blocks(levels_db, cosine_transform(spec.n_mfcc, spec.n_mels))


def delta(values: NDArray[np.float32], *, order: int = 1) -> NDArray[np.float32]:
    """Change of each value over time, per frame (order 1) or per frame squared (order 2), shape as ``values``.

    The derivative of a polynomial of that order, fitted to 9 frames; the ends keep the nearest fit.
    A window of fewer frames uses the longest odd span that it holds, and one too short for a fit changes by 0.

    Source: Furui (1986); equals librosa.feature.delta.
    """
    span = min(DELTA_FRAMES, len(values) - 1 + len(values) % 2)
    if span < 3:
        return np.zeros_like(values)
    half = span // 2
    weights = delta_weights(span, order)
    inner = len(values) - span + 1
    changes = np.zeros((inner, values.shape[1]))
    for offset in range(span):
        changes += weights[offset] * values[offset : offset + inner]
    return np.pad(changes, ((half, half), (0, 0)), mode="edge").astype(np.float32)


def delta_weights(span: int, order: int) -> NDArray[np.float64]:
    """Return the Savitzky-Golay weights of ``span`` frames for the first or second derivative."""
    time: NDArray[Any] = np.arange(span) - (span - 1) / 2
    shape = time if order == 1 else 2 * (time**2 - np.mean(time**2))
    moments: NDArray[np.float64] = shape * order / np.sum(shape**2)
    return moments
