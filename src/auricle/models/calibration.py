"""Calibration: the temperature that makes probabilities mean what they say."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

__all__ = ["fit_temperature"]

_COLDEST, _HOTTEST = 0.1, 10.0


def fit_temperature(logs: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    """Return the temperature that minimises the log loss of out-of-fold answers.

    A weak pull towards 1, worth one recording, keeps a handful of flawless answers from claiming certainty.

    Parameters
    ----------
    logs : log-probabilities, shape (n, n_classes)
    truth : index of the right class, shape (n,)

    Source: Guo et al. (2017), "On calibration of modern neural networks".
    """
    if not len(truth):
        return 1.0
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        answers = log_softmax(logs / np.exp(log_temperature), axis=1)
        return float(log_temperature**2 - answers[rows, truth].sum())

    found = minimize_scalar(loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded")
    return float(np.exp(found.x))
