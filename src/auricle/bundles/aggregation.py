"""From a graph's answers on windows to the answer of a recording: the same arithmetic in scores and in use."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOOR", "TemperatureScaling", "calibrate", "log_probabilities", "pool", "predicted_class", "prediction_set"]

FLOOR = 1e-4
"""Smallest probability that a logarithm is taken of: a forest's zero means "none of 100 trees", not "never"."""


def log_probabilities(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logarithms of probabilities, floored at ``FLOOR``, float64, same shape."""
    return np.log(np.maximum(np.asarray(probabilities, np.float64), FLOOR))


@dataclass(frozen=True, slots=True)
class TemperatureScaling:
    """How log-probabilities become calibrated ones.

    Parameters
    ----------
    temperature : what they are divided by; above 1 they come closer together
    bias : what is added to each class's; none where that does not help
    """

    temperature: float = 1.0
    bias: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf or not all(map(math.isfinite, self.bias)):
            raise ValueError("a temperature is above 0 and finite, and so is every bias finite")


def calibrate(logs: NDArray[np.float64], how: TemperatureScaling = TemperatureScaling()) -> NDArray[np.float64]:
    """Return the probabilities that log-probabilities, shape (..., n_classes), stand for once they are calibrated."""
    scaled = logs / how.temperature + (how.bias or 0.0)
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def pool(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a recording's mean log-probabilities, shape (k,), from those of its windows, shape (n_windows, k)."""
    return np.asarray(log_probabilities(probabilities).mean(axis=0))


def predicted_class(probabilities: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the index of the most probable class, shape (...); ties that float32 might flip go to the first class."""
    return np.asarray(np.round(np.asarray(probabilities, np.float64), 6).argmax(axis=-1))


def prediction_set(
    classes: Sequence[str], probabilities: NDArray[np.float64], thresholds: Sequence[float]
) -> tuple[str, ...]:
    """Return the classes whose probability reaches its threshold, the most probable first."""
    order = np.argsort(-probabilities, kind="stable")
    return tuple(classes[index] for index in order if probabilities[index] >= thresholds[index])
