"""Intervals: how far a number may lie from the truth, promised for recordings like those of training."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["COVERAGE", "MIN_RECORDINGS", "half_width"]

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
    n = len(errors)
    rank = int(np.ceil((n + 1) * coverage))
    if n < MIN_RECORDINGS or rank > n:
        return None
    return float(np.sort(np.abs(errors))[rank - 1])
