"""Aggregate window probabilities into calibrated probabilities, a predicted class and a prediction set."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOOR", "TemperatureScaling", "calibrate", "log_probabilities", "pool", "predicted_class", "prediction_set"]

FLOOR = 1e-4
"""Smallest probability before a logarithm: a forest's zero means "none of 100 trees", not "never"."""


def log_probabilities(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logarithms of probabilities, floored at ``FLOOR``, float64, same shape."""
    return np.log(np.maximum(np.asarray(probabilities, np.float64), FLOOR))


@dataclass(frozen=True, slots=True)
class TemperatureScaling:
    """Temperature scaling of log-probabilities, with a bias for each class.

    Parameters
    ----------
    temperature : float
        Divisor of log-probabilities; above 1 moves probabilities closer together.
    bias : tuple of float, n_classes or none
        Added to the scaled log-probabilities.
    """

    temperature: float = 1.0
    bias: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf or not all(map(math.isfinite, self.bias)):
            raise ValueError("a temperature must be above 0 and finite, and every bias finite")


def calibrate(logs: NDArray[np.float64], scaling: TemperatureScaling = TemperatureScaling()) -> NDArray[np.float64]:
    """Return the calibrated probabilities of log-probabilities, float64, shape (..., n_classes).

    Examples
    --------
    >>> calibrate(np.log([[0.8, 0.2]]), TemperatureScaling(temperature=2.0)).round(3)
    array([[0.667, 0.333]])
    """
    scaled = logs / scaling.temperature + (scaling.bias or 0.0)
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def pool(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a recording's mean log-probabilities, shape (k,), from its window probabilities, shape (n_windows, k)."""
    return np.asarray(log_probabilities(probabilities).mean(axis=0))


def predicted_class(probabilities: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the index of the most probable class, shape (...); near ties within 1e-6 go to the first class."""
    return np.asarray(np.round(np.asarray(probabilities, np.float64), 6).argmax(axis=-1))


def prediction_set(
    classes: Sequence[str], probabilities: NDArray[np.float64], thresholds: Sequence[float]
) -> tuple[str, ...]:
    """Return the classes with a probability of at least their threshold, the most probable first.

    Examples
    --------
    >>> prediction_set(("bark", "meow", "purr"), np.array([0.3, 0.6, 0.1]), (0.2, 0.2, 0.2))
    ('meow', 'bark')
    """
    order = np.argsort(-probabilities, kind="stable")
    return tuple(classes[index] for index in order if probabilities[index] >= thresholds[index])
