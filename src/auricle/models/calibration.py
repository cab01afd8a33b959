"""Calibration of class probabilities by temperature scaling, with class biases where they help."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

__all__ = ["fit_calibration"]

_LIMIT = float(np.log(10.0))  # temperatures from a tenth to ten, and biases of at most a factor of ten
_WORTHWHILE = 0.05
"""Share of the cross-validated log loss that biases must save."""

TemperatureScaling: TypeAlias = tuple[float, tuple[float, ...]]
"""Temperature, which divides log-probabilities, and biases then added to those of each class; () for no biases."""


def fit_calibration(
    logs: NDArray[np.float64], truth: NDArray[np.intp], blocks: NDArray[np.intp], *, biases: bool = True
) -> TemperatureScaling:
    """Fit the temperature and class biases that minimise the log loss of out-of-fold predictions.

    An L2 penalty worth a few recordings keeps a handful of correct predictions from giving full confidence. Biases are
    kept only if, cross-validated over blocks, they are clearly better than a temperature alone.

    Parameters
    ----------
    logs : float64, shape (n, n_classes)
        Out-of-fold log-probabilities.
    truth : intp, shape (n,)
        Index of the true class.
    blocks : intp, shape (n,)
        Cross-validation block of each row; no group is in two blocks.
    biases : bool
        Whether biases are allowed.

    Returns
    -------
    temperature : float
    biases : tuple of float
        One per class, or empty.

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
    calibrated = log_softmax(logs / temperature + (bias or 0.0), axis=1)
    return float(-calibrated[np.arange(len(truth)), truth].sum())


def _fit(logs: NDArray[np.float64], truth: NDArray[np.intp], *, biased: bool) -> TemperatureScaling:
    n_classes = logs.shape[1]
    one_hot = np.zeros_like(logs)
    one_hot[np.arange(len(truth)), truth] = 1.0

    def loss(settings: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale = np.exp(-settings[0])
        shifted = logs * scale + (settings[1:] if biased else 0.0)
        error = softmax(shifted, axis=1) - one_hot
        gradient = np.concatenate([[-(error * logs).sum() * scale], error.sum(axis=0) if biased else []])
        value = -(log_softmax(shifted, axis=1) * one_hot).sum() + (settings**2).sum()
        return float(value), gradient + 2.0 * settings

    start = np.zeros(1 + n_classes * biased)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-_LIMIT, _LIMIT)] * len(start)).x
    return float(np.exp(found[0])), tuple(map(float, found[1:]))
