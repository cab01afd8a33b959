"""Calibration: a temperature, and where it helps a bias for each class, that make probabilities mean what they say."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

__all__ = ["fit_calibration"]

_LIMIT = float(np.log(10.0))  # temperatures from a tenth to ten, and biases of at most a factor of ten
_WORTHWHILE = 0.05
"""Part of the log loss that biases must save on recordings they were not fitted to."""


TemperatureScaling: TypeAlias = tuple[float, tuple[float, ...]]
"""What log-probabilities are divided by, and then what is added to each class's; nothing where that does not help."""


def fit_calibration(
    logs: NDArray[np.float64], truth: NDArray[np.intp], blocks: NDArray[np.intp], *, biases: bool = True
) -> TemperatureScaling:
    """Return the temperature and the biases, or none, that minimise the log loss of out-of-fold answers.

    A weak pull towards no change, worth a few recordings, keeps a handful of flawless answers from claiming certainty.
    Biases are kept only where, fitted without a block, they serve that block clearly better than a temperature alone.

    Parameters
    ----------
    logs : log-probabilities, shape (n, n_classes)
    truth : index of the right class, shape (n,)
    blocks : block of each row, shape (n,); no group lies in two
    biases : whether there may be any

    Source: Guo et al. (2017), "On calibration of modern neural networks": temperature and vector scaling.
    """
    if not len(truth):
        return 1.0, ()
    losses = [0.0, 0.0]
    for block in np.unique(blocks) if biases else ():
        out = blocks == block
        if out.all():
            return _fit(logs, truth, biased=False)
        for biased in (False, True):
            found = _fit(logs[~out], truth[~out], biased=biased)
            losses[biased] += _loss(logs[out], truth[out], found)
    return _fit(logs, truth, biased=biases and losses[1] < (1.0 - _WORTHWHILE) * losses[0])


def _loss(logs: NDArray[np.float64], truth: NDArray[np.intp], found: TemperatureScaling) -> float:
    temperature, bias = found
    answers = log_softmax(logs / temperature + (bias or 0.0), axis=1)
    return float(-answers[np.arange(len(truth)), truth].sum())


def _fit(logs: NDArray[np.float64], truth: NDArray[np.intp], *, biased: bool) -> TemperatureScaling:
    n_classes = logs.shape[1]
    right = np.zeros_like(logs)
    right[np.arange(len(truth)), truth] = 1.0

    def loss(settings: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        cold = np.exp(-settings[0])
        shifted = logs * cold + (settings[1:] if biased else 0.0)
        wrong = softmax(shifted, axis=1) - right
        slope = np.concatenate([[-(wrong * logs).sum() * cold], wrong.sum(axis=0) if biased else []])
        value = -(log_softmax(shifted, axis=1) * right).sum() + (settings**2).sum()
        return float(value), slope + 2.0 * settings

    start = np.zeros(1 + n_classes * biased)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-_LIMIT, _LIMIT)] * len(start)).x
    return float(np.exp(found[0])), tuple(map(float, found[1:]))
