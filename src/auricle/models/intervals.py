"""Intervals for numbers and sets of classes: split conformal, promised for recordings like those of training."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["COVERAGE", "MIN_RECORDINGS", "class_thresholds", "half_width"]

COVERAGE = 0.9
MIN_RECORDINGS = 9
"""Fewest recordings with which 90% can be promised: of ten alike, the new one is the farthest one time in ten."""


def half_width(errors: NDArray[np.float64], *, coverage: float = COVERAGE) -> float | None:
    """Return how far from the answer the truth lies with the coverage, or None where there are too few recordings.

    Parameters
    ----------
    errors : out-of-fold answers less the truth, one a recording, shape (n,)
    coverage : part of new recordings, exchangeable with these, whose truth lies within

    Source: split conformal prediction; Lei et al. (2018), "Distribution-free predictive inference for regression".
    """
    return _quantile(np.abs(errors), coverage)


def class_thresholds(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp], *, coverage: float = COVERAGE
) -> tuple[tuple[float, ...], bool] | None:
    """Return the least probability with which each class belongs to a recording's set.

    Where every class has enough recordings, the coverage is promised for each; where one has not, such sets are
    refused, and one threshold for all classes promises it for recordings as a whole.

    Parameters
    ----------
    probabilities : out-of-fold, calibrated, one row a recording, shape (n, n_classes)
    truth : index of the right class, shape (n,)

    Returns
    -------
    one threshold a class, and whether the coverage is each class's; None where there are too few recordings at all

    Source: Vovk (2012), "Conditional validity of inductive conformal predictors": label-conditional sets.
    """
    n_classes = probabilities.shape[1]
    wrong = 1.0 - probabilities[np.arange(len(truth)), truth]
    limits = [_quantile(wrong[truth == index], coverage) for index in range(n_classes)]
    if all(limit is not None for limit in limits):
        return tuple(1.0 - limit for limit in limits if limit is not None), True
    limit = _quantile(wrong, coverage)
    return None if limit is None else ((1.0 - limit,) * n_classes, False)


def _quantile(scores: NDArray[np.float64], coverage: float) -> float | None:
    """Return what a new score, exchangeable with these, stays below or at with the coverage."""
    n = len(scores)
    rank = int(np.ceil(round((n + 1) * coverage, 9)))
    if n < MIN_RECORDINGS or rank > n:
        return None
    return float(np.sort(scores)[rank - 1])
