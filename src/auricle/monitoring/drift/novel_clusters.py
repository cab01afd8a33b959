"""Novel clusters: live recordings whose nearest neighbours are all live, as for a new kind of sound.

A new kind of sound need not be far from the training data, nor separable from it by a linear boundary: spoken words lie
between barking, ticking and sneezing. But its recordings lie closer to each other than to any training recording.

Conventions: reference and window are stacked, the reference first, into float32 rows of shape (n, k), standardized and
clipped. ``masks`` are permutation masks, bool, shape (n, 1 + n_shuffles); column 0 is the observed assignment.
Recordings of one group are not neighbours.

Metric: :func:`novel_clusters`. Drift needs significance and a share of at least ``MIN_CLUSTER_SHARE``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.monitoring.drift.domain_classifier import clip_standardized
from auricle.monitoring.drift.resampling import effective_size_ratio, p_values

__all__ = ["MIN_CLUSTER_SHARE", "N_NEIGHBOURS", "NovelClusters", "novel_clusters"]

MIN_CLUSTER_SHARE = 0.05
"""Smallest share of live recordings, beyond chance, that counts as drift."""

MAX_MIXING = 0.1
"""Excess of live neighbours among all other live recordings from which on the whole window has changed, not a part."""

N_NEIGHBOURS = 10
CHUNK = 512


@dataclass(frozen=True, slots=True)
class NovelClusters:
    """Live recordings with live neighbours only.

    Parameters
    ----------
    share : float
        Their share of the window beyond chance, close to the share of a new kind of sound.
    rest : float
        Excess of live neighbours among all other live recordings.
    p : float
        Permutation p-value.
    """

    share: float
    rest: float
    p: float

    def drifted(self, rate: float) -> bool:
        """Whether the share is significant at a rate, and at least ``MIN_CLUSTER_SHARE``."""
        return self.p <= rate and self.share >= MIN_CLUSTER_SHARE

    @property
    def is_part(self) -> bool:
        """Whether the clusters are only a part of the window, and the rest of it lies among the training data."""
        return self.rest < MAX_MIXING


def novel_clusters(values: NDArray[np.float32], groups: NDArray[np.str_], masks: NDArray[np.bool_]) -> NovelClusters:
    """Count the live recordings whose nearest neighbours are all live.

    Parameters
    ----------
    values : float32, shape (n, k)
        Finite feature rows.
    groups : str, shape (n,)
    masks : bool, shape (n, 1 + n_shuffles)
        Permutation masks of the window.

    Source: Schilling (1986), "Multivariate two-sample tests based on nearest neighbors". The statistic here is the
    number of recordings without any training neighbour, which is sensitive to a change in a part of the window.
    """
    scaled = clip_standardized(values)
    _, members = np.unique(groups, return_inverse=True)
    nearest = _nearest_of_other_groups(scaled, members)
    isolated = _all_neighbours_live(nearest, masks)
    observed = isolated[:, :1] & masks[:, :1]
    factor = float(np.sqrt(effective_size_ratio(observed.astype(np.float64), groups, masks[:, 0])[0]))
    n_isolated = (isolated & masks).sum(axis=0).astype(np.float64)
    expected, n_window = float(n_isolated[1:].mean()), int(masks[:, 0].sum())
    p = p_values(np.array([expected + (n_isolated[0] - expected) * factor]), n_isolated[1:])[0]
    window = masks[:, 0]
    mixed = window & ~isolated[:, 0]
    rest = float(window[nearest[mixed]].mean() - window.mean()) if mixed.any() else 1.0
    return NovelClusters(float((n_isolated[0] - expected) / n_window), rest, float(p))


def _nearest_of_other_groups(scaled: NDArray[np.float32], members: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the indices of each recording's nearest neighbours in other groups, shape (n, N_NEIGHBOURS)."""
    n = len(scaled)
    k = min(N_NEIGHBOURS, n - 1)
    squares = np.einsum("ij,ij->i", scaled, scaled)
    nearest = np.empty((n, k), np.intp)
    for begin in range(0, n, CHUNK):
        rows = slice(begin, begin + CHUNK)
        distances = squares[None] - 2.0 * (scaled[rows] @ scaled.T)
        distances[members[rows, None] == members[None]] = np.inf
        nearest[rows] = np.argpartition(distances, k - 1, axis=1)[:, :k]
    return nearest


def _all_neighbours_live(nearest: NDArray[np.intp], masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether all neighbours of each recording are live, in every permutation, shape of ``masks``."""
    isolated = masks[nearest[:, 0]]
    for column in nearest.T[1:]:
        isolated &= masks[column]
    return np.asarray(isolated)
