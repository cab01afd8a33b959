"""Split conformal prediction: prediction intervals and prediction sets from out-of-fold errors."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["COVERAGE", "MIN_RECORDINGS", "class_thresholds", "half_width"]

COVERAGE = 0.9
MIN_RECORDINGS = 9
"""Fewest recordings for 90% coverage: of ten exchangeable errors, the newest is the largest one time in ten."""


def half_width(errors: NDArray[np.float64], *, coverage: float = COVERAGE) -> float | None:
    """Return the half width of the prediction interval, or None with too few recordings.

    Parameters
    ----------
    errors : float64, shape (n,)
        Out-of-fold prediction minus target, one per recording.
    coverage : float
        Share of new, exchangeable recordings with the target inside the interval.

    Source: split conformal prediction; Lei et al. (2018), "Distribution-free predictive inference for regression".
    """
    return _quantile(np.abs(errors), coverage)


def class_thresholds(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp], *, coverage: float = COVERAGE
) -> tuple[tuple[float, ...], bool] | None:
    """Return the least probability with which each class is in the prediction set.

    With enough recordings of every class, coverage holds per class; otherwise one threshold for all classes gives
    marginal coverage, over recordings as a whole.

    Parameters
    ----------
    probabilities : float64, shape (n, n_classes)
        Out-of-fold and calibrated, one row per recording.
    truth : intp, shape (n,)
        Index of the true class.
    coverage : float

    Returns
    -------
    thresholds : tuple of float
        One per class.
    is_per_class : bool
        Whether coverage holds per class. None instead of both with too few recordings.

    Source: Vovk (2012), "Conditional validity of inductive conformal predictors": label-conditional sets.
    """
    n_classes = probabilities.shape[1]
    scores = 1.0 - probabilities[np.arange(len(truth)), truth]
    limits = [_quantile(scores[truth == index], coverage) for index in range(n_classes)]
    if all(limit is not None for limit in limits):
        return tuple(1.0 - limit for limit in limits if limit is not None), True
    limit = _quantile(scores, coverage)
    return None if limit is None else ((1.0 - limit,) * n_classes, False)


def _quantile(scores: NDArray[np.float64], coverage: float) -> float | None:
    """Return the bound that a new, exchangeable score does not exceed with the given coverage."""
    n = len(scores)
    rank = int(np.ceil(round((n + 1) * coverage, 9)))
    if n < MIN_RECORDINGS or rank > n:
        return None
    return float(np.sort(scores)[rank - 1])
