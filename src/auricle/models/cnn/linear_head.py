"""The straight part of a number: a ridge regression on how loud each band is, and on how much that varies.

A network that has heard a few numbers answers those again for what lies between or beyond them; a line goes on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.models.cnn.settings import FLOOR_DB

__all__ = ["LinearHead", "fit_linear_head", "statistics"]

_STRENGTH = 0.1
"""Of the ridge, for each recording."""
_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """A number as a weighted sum of an image's statistics.

    Parameters
    ----------
    weights : shape (2 * bands,)
    intercept : the number where all statistics are 0
    """

    weights: NDArray[np.float64]
    intercept: float

    def answers(self, found: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the numbers, shape (n,), of what :func:`statistics` found."""
        return found @ self.weights + self.intercept


def statistics(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean of each band and its deviation over the frames of images in dB, shape (n, 2 * bands).

    As the network hears them: 0 is silence, 1 the image's peak.
    """
    found = []
    for start in range(0, len(images), _CHUNK):
        some = images[start : start + _CHUNK].astype(np.float64)
        heard = np.maximum(some - some.max(axis=(1, 2), keepdims=True) + FLOOR_DB, 0.0) / FLOOR_DB
        found.append(np.concatenate([heard.mean(axis=2), heard.std(axis=2)], axis=1))
    return np.concatenate(found)


def fit_linear_head(
    found: NDArray[np.float64], numbers: NDArray[np.float64], weights: NDArray[np.float64]
) -> LinearHead:
    """Return the ridge regression of numbers, shape (n,), on statistics.

    Parameters
    ----------
    weights : of the recordings, shape (n,), mean 1
    """
    mean = np.average(found, axis=0, weights=weights)
    spread = np.sqrt(np.average((found - mean) ** 2, axis=0, weights=weights))
    spread[spread < 1e-6] = np.inf  # a band that is the same in all says nothing
    columns = (found - mean) / spread
    middle = float(np.average(numbers, weights=weights))
    weighed = columns * weights[:, np.newaxis]
    both = weighed.T @ columns + _STRENGTH * len(columns) * np.eye(columns.shape[1])
    slopes = np.linalg.solve(both, weighed.T @ (numbers - middle)) / spread
    return LinearHead(slopes, middle - float(mean @ slopes))
