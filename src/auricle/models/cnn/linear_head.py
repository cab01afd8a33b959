"""The linear head of the CNN regressor: ridge regression on mean and deviation of each mel band.

A network trained on a few target values predicts only those values in between and beyond; a linear model extrapolates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.models.cnn.settings import FLOOR_DB

__all__ = ["LinearHead", "band_statistics", "fit_linear_head"]

_RIDGE = 0.1  # penalty per recording
_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """A linear model on band statistics.

    Parameters
    ----------
    weights : float64, shape (2 * bands,)
    intercept : float
    """

    weights: NDArray[np.float64]
    intercept: float

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict targets, shape (n,), from the features of :func:`band_statistics`."""
        return features @ self.weights + self.intercept


def band_statistics(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return mean and deviation over frames of each band of images in dB, shape (n, 2 * bands).

    Levels are normalised as for the network: 0 is silence, 1 the peak of the image.
    """
    features = []
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK].astype(np.float64)
        levels = np.maximum(chunk - chunk.max(axis=(1, 2), keepdims=True) + FLOOR_DB, 0.0) / FLOOR_DB
        features.append(np.concatenate([levels.mean(axis=2), levels.std(axis=2)], axis=1))
    return np.concatenate(features)


def fit_linear_head(
    features: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> LinearHead:
    """Fit the ridge regression of targets on band statistics.

    Parameters
    ----------
    features : float64, shape (n, 2 * bands)
    targets : float64, shape (n,)
    weights : float64, shape (n,)
        Sample weights of mean 1.
    """
    mean = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    scale[scale < 1e-6] = np.inf  # a constant band has weight 0
    columns = (features - mean) / scale
    offset = float(np.average(targets, weights=weights))
    weighted = columns * weights[:, np.newaxis]
    gram = weighted.T @ columns + _RIDGE * len(columns) * np.eye(columns.shape[1])
    slopes = np.linalg.solve(gram, weighted.T @ (targets - offset)) / scale
    return LinearHead(slopes, offset - float(mean @ slopes))
