"""From a graph's answers on windows to the answer of a recording: the same arithmetic in scores and in use."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOOR", "choose", "log_probabilities", "pool", "soften"]

FLOOR = 1e-4
"""Smallest probability that a logarithm is taken of: a forest's zero means "none of 100 trees", not "never"."""


def log_probabilities(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logarithms of probabilities, floored at ``FLOOR``, float64, same shape."""
    return np.log(np.maximum(np.asarray(probabilities, np.float64), FLOOR))


def soften(logs: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return probabilities from log-probabilities divided by a temperature; above 1 they come closer together.

    Parameters
    ----------
    logs : shape (..., n_classes)
    """
    scaled = logs / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def pool(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a recording's mean log-probabilities, shape (k,), from those of its windows, shape (n_windows, k)."""
    return np.asarray(log_probabilities(probabilities).mean(axis=0))


def choose(probabilities: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the index of the most probable class, shape (...); ties that float32 might flip go to the first class."""
    return np.asarray(np.round(np.asarray(probabilities, np.float64), 6).argmax(axis=-1))
