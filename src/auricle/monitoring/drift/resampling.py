"""Permutation tests of two samples, and the effective sample size of grouped recordings.

The problem: a reference of a few hundred recordings is itself noisy, and recordings of one group (a machine, a speaker)
are not independent. A permutation test compares a statistic with its values under random assignments of recordings to
reference and window, which is exact at any sample size. The effective sample size, by the intraclass correlation (ICC)
of groups, says how many independent recordings the sample is worth; statistics are scaled down accordingly.

Conventions: reference and window are stacked, the reference first. Masks are bool, shape (n, 1 + n_shuffles), True for
the window; column 0 is the observed assignment.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = [
    "MANY_GROUPS",
    "Blocks",
    "blocks_of",
    "effective_size_ratio",
    "intraclass_correlation",
    "p_values",
    "permutation_masks",
]

MANY_GROUPS = 20
"""Groups from which on whole groups are permuted, not recordings."""


def permutation_masks(n_reference: int, n_window: int, *, n_shuffles: int, seed: int) -> NDArray[np.bool_]:
    """Return random assignments of recordings to the window, the observed one first.

    Returns
    -------
    bool, shape (n_reference + n_window, 1 + n_shuffles)
        True for recordings of the window; the reference comes first.
    """
    observed = np.arange(n_reference + n_window) >= n_reference
    rng = np.random.default_rng(seed)
    masks = np.empty((observed.size, 1 + n_shuffles), np.bool_)
    masks[:, 0] = observed
    for column in range(1, 1 + n_shuffles):
        masks[:, column] = rng.permutation(observed)
    return masks


def p_values(observed: NDArray[np.float64], shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return permutation p-values: the share of permuted statistics that reach each observed one, itself included.

    Parameters
    ----------
    observed : float64, shape (k,)
    shuffled : float64, any shape
        Permuted values of one statistic, or of several with the same distribution.

    Examples
    --------
    >>> p_values(np.array([4.0, 2.0]), np.array([1.0, 2.0, 3.0])).tolist()
    [0.25, 0.75]
    """
    ranked = np.sort(shuffled, axis=None)
    reached = ranked.size - np.searchsorted(ranked, observed, side="left")
    return np.asarray((1.0 + reached) / (1.0 + ranked.size))


class Blocks(NamedTuple):
    """Groups of recordings (n) within one side; blocks of the reference come first.

    Parameters
    ----------
    members : int, shape (n,)
        Block of each recording.
    sizes : int, shape (n_blocks,)
        Recordings of each block.
    n_reference : int
        Blocks of the reference.
    """

    members: NDArray[np.intp]
    sizes: NDArray[np.intp]
    n_reference: int


def blocks_of(groups: NDArray[np.str_], is_window: NDArray[np.bool_]) -> Blocks:
    """Return the groups as blocks within reference and window; a group on both sides makes two blocks."""
    keys = np.char.add(np.where(is_window, "w", "r"), groups)  # "r" sorts before "w"
    _, members, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    return Blocks(members, sizes, np.unique(members[~is_window]).size)


def intraclass_correlation(values: NDArray[np.floating], blocks: Blocks) -> NDArray[np.float64]:
    """Return the intraclass correlation of ranks within a side, 0 to 1.

    Parameters
    ----------
    values : float, shape (n, k)
    blocks : Blocks

    Returns
    -------
    float64, shape (k,)
        0 where every recording is a block of its own.
    """
    members, sizes, n_reference = blocks
    is_window = members >= n_reference
    n, n_blocks = len(values), len(sizes)
    side = np.arange(n_blocks) >= n_reference
    freedom = n_blocks - np.unique(side).size
    if n_blocks == n or freedom < 1:
        return np.zeros(values.shape[1])
    ranks = np.asarray(rankdata(values, axis=0))
    for on_side in (is_window, ~is_window):
        ranks[on_side] -= ranks[on_side].mean(axis=0)
    sums = np.zeros((n_blocks, values.shape[1]))
    np.add.at(sums, members, ranks)
    between = (sums**2 / sizes[:, None]).sum(axis=0)
    within = np.maximum((ranks**2).sum(axis=0) - between, 0.0) / (n - n_blocks)
    between /= freedom
    mean_size = (n - sum((sizes[side == s] ** 2).sum() / sizes[side == s].sum() for s in np.unique(side))) / freedom
    total = between + (mean_size - 1.0) * within
    icc = np.divide(between - within, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(np.clip(icc, 0.0, 1.0))


def effective_size_ratio(
    values: NDArray[np.floating], groups: NDArray[np.str_], is_window: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the effective sample size of both sides, relative to their number of recordings, between 0 and 1.

    A side with ``n`` recordings is worth ``n / (1 + (m - 1) * icc)`` independent ones, where ``m`` is the mean group
    size, weighted by recordings.

    Parameters
    ----------
    values : float, shape (n, k)
    groups : str, shape (n,)
    is_window : bool, shape (n,)

    Returns
    -------
    float64, shape (k,)
        Ratio of the harmonic means of both sides' effective and nominal sizes; 1 where every recording is a group of
        its own, or recordings of a group are no more alike than others.

    Source: Kish (1965), "Survey sampling", the design effect.
    """
    blocks = blocks_of(groups, is_window)
    icc = intraclass_correlation(values, blocks)
    effective = [
        counts.sum() / (1.0 + ((counts**2).sum() / counts.sum() - 1.0) * icc)
        for counts in (blocks.sizes[: blocks.n_reference], blocks.sizes[blocks.n_reference :])
    ]
    nominal = 1.0 / (1.0 / (~is_window).sum() + 1.0 / is_window.sum())
    return np.asarray(1.0 / (1.0 / effective[0] + 1.0 / effective[1]) / nominal)
