"""How far apart two sets of recordings lie when nothing has changed: shuffles, and what blocks of recordings are worth.

A statistic of reference against window is compared with itself after recordings were dealt out anew between the two.
That is exact for any size of either, and however small the reference is, its own noise is in what is compared with.
Recordings of one group are not independent: what they are worth is measured, and the statistic shrunk by as much.
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
"""From which on groups can stand for themselves: whole ones are dealt out, and not their recordings."""


def permutation_masks(n_reference: int, n_window: int, *, n_shuffles: int, seed: int) -> NDArray[np.bool_]:
    """Return which recordings stand in the window: as they were observed, and in every shuffle.

    Returns
    -------
    shape (n_reference + n_window, 1 + n_shuffles); the reference comes first, and column 0 is what was observed
    """
    observed = np.arange(n_reference + n_window) >= n_reference
    rng = np.random.default_rng(seed)
    masks = np.empty((observed.size, 1 + n_shuffles), np.bool_)
    masks[:, 0] = observed
    for column in range(1, 1 + n_shuffles):
        masks[:, column] = rng.permutation(observed)
    return masks


def p_values(observed: NDArray[np.float64], shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of shuffled statistics that reach each observed one, itself counted among them.

    Parameters
    ----------
    observed : shape (k,)
    shuffled : any shape: of one statistic, or of several that are distributed alike when nothing has changed
    """
    ranked = np.sort(shuffled, axis=None)
    reached = ranked.size - np.searchsorted(ranked, observed, side="left")
    return np.asarray((1.0 + reached) / (1.0 + ranked.size))


class Blocks(NamedTuple):
    """Recordings (n) in blocks; those of the reference come first.

    Parameters
    ----------
    members : which block each recording is in, shape (n,)
    sizes : how many recordings are in each block
    n_reference : how many blocks are the reference's
    """

    members: NDArray[np.intp]
    sizes: NDArray[np.intp]
    n_reference: int


def blocks_of(groups: NDArray[np.str_], is_window: NDArray[np.bool_]) -> Blocks:
    """Return the blocks that groups are on either side: one that stands on both is two."""
    keys = np.char.add(np.where(is_window, "w", "r"), groups)  # "r" sorts before "w"
    _, members, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    return Blocks(members, sizes, np.unique(members[~is_window]).size)


def intraclass_correlation(values: NDArray[np.floating], blocks: Blocks) -> NDArray[np.float64]:
    """Return how alike recordings of one block are: the intraclass correlation of ranks within a side, 0 to 1.

    Parameters
    ----------
    values : shape (n, k)

    Returns
    -------
    shape (k,): 0 where every recording is a block of its own
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
    """Return what part of the independent recordings that there seem to be, there are: between 0 and 1, each column.

    A side with ``n`` recordings tells as much as ``n / (1 + (m - 1) * likeness)``, with ``m`` recordings in the group
    of one of them.

    Parameters
    ----------
    values : shape (n, k)
    groups : shape (n,)
    is_window : shape (n,)

    Returns
    -------
    shape (k,): harmonic mean of both sides' effective sizes, over that of their sizes. 1 where every recording is a
    group of its own, or recordings of a group are no more alike than others

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
