"""Design effect: how much less labels of few sources are worth than independent ones.

Errors of one machine or speaker are alike. Their intraclass correlation is estimated from labels; how much it raises
the variance of a mean depends on how many labels a group has, so a part of the labels suffers less than all of them.

Source: Kish (1965), "Survey sampling"; Satterthwaite (1946), "An approximate distribution of estimates of variance
components".
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MIN_ICC", "design_effect", "intraclass_correlation"]

MIN_ICC: Final = 0.05
"""Least intraclass correlation within groups, as for intervals: a few groups may look alike by chance."""


def intraclass_correlation(residuals: NDArray[np.float64], groups: NDArray[Any]) -> float:
    """Return the intraclass correlation of residuals, at least ``MIN_ICC``; 0 where nothing is known of groups.

    Nothing is where each recording is its own group, or all are of one.

    Parameters
    ----------
    residuals : float64, shape (n,)
    groups : str or int, shape (n,)
    """
    _, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) in (1, len(groups)):
        return 0.0
    off = residuals - residuals.mean()
    alone = float((off**2).sum())
    between = float((np.bincount(members, off) ** 2).sum()) * len(sizes) / (len(sizes) - 1)
    icc = (between / alone - 1.0) / (_mean_size(sizes) - 1.0) if alone else 0.0
    return float(np.clip(icc, MIN_ICC, 1.0))


def design_effect(groups: NDArray[Any], icc: float) -> tuple[float, float]:
    """Return how much more a mean over labels varies than that of independent ones, with its degrees of freedom.

    Only the part between groups is estimated from them, with one degree of freedom less than groups.

    Parameters
    ----------
    groups : str or int, shape (n,)
    icc : float
        Intraclass correlation.

    Returns
    -------
    effect : float
        At least 1.
    freedom : float
        Infinite where the effect is 1.

    Examples
    --------
    >>> design_effect(np.array([0, 0, 1, 1]), 0.5)
    (1.5, 9.0)
    """
    sizes = np.unique(groups, return_counts=True)[1]
    effect = 1.0 + (_mean_size(sizes) - 1.0) * icc
    return effect, (len(sizes) - 1) * (effect / (effect - 1.0)) ** 2 if effect > 1.0 else float("inf")


def _mean_size(sizes: NDArray[np.intp]) -> float:
    """Return the mean size of a recording's group."""
    return float((sizes.astype(np.float64) ** 2).sum() / sizes.sum())
