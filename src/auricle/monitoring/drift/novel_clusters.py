"""Drift of kinds: whether live recordings lie among each other where none of training lies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.monitoring.drift.domain_classifier import clip_standardized
from auricle.monitoring.drift.resampling import effective_size_ratio, p_values

__all__ = ["MIN_CLUSTER_SHARE", "N_NEIGHBOURS", "NovelClusters", "novel_clusters"]

MIN_CLUSTER_SHARE = 0.05
"""Points of the live recordings that must lie apart, beyond what chance puts there."""

MAX_MIXING = 0.1
"""Of the others' neighbours that are live beyond chance: from here on all recordings changed, not some."""

N_NEIGHBOURS = 10
CHUNK = 512


@dataclass(frozen=True, slots=True)
class NovelClusters:
    """How many live recordings lie among live ones alone.

    Parameters
    ----------
    share : of them, beyond what shuffles give; a kind of sound that is new makes about as many
    rest : of the neighbours of all other live recordings, the part that is live beyond what chance makes it
    p : significance, by shuffles
    p_apart : if every recording counted for itself, whatever its group
    """

    share: float
    rest: float
    p: float
    p_apart: float

    def drifted(self, rate: float) -> bool:
        """Whether significantly more lie apart, and enough."""
        return self.p <= rate and self.share >= MIN_CLUSTER_SHARE

    @property
    def is_part(self) -> bool:
        """Whether what lies apart is a part of the window, and the rest of it lies among the recordings of training."""
        return self.rest < MAX_MIXING

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def novel_clusters(values: NDArray[np.float32], groups: NDArray[np.str_], masks: NDArray[np.bool_]) -> NovelClusters:
    """Count the live recordings whose nearest neighbours are all live.

    A new kind of sound need not be far from what was heard, nor far enough off for a line to cut it off: spoken words
    lie in the middle of barking, ticking and sneezing. But they lie closer to each other than to any of these.

    Parameters
    ----------
    values : finite, shape (n, k)
    groups : shape (n,); recordings of one group are no neighbours
    dealt : which recordings are the window's, as observed and in shuffles

    Source: Schilling (1986), "Multivariate two-sample tests based on nearest neighbors", with the number of those that
    have no other neighbours for a statistic: it is a part of the window that is asked for, and not all of it.
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
    p_apart = p
    if len(np.unique(members)) < len(members):
        ungrouped = _all_neighbours_live(_nearest_of_other_groups(scaled, np.arange(len(members))), masks)
        n_ungrouped = (ungrouped & masks).sum(axis=0).astype(np.float64)
        p_apart = p_values(n_ungrouped[:1], n_ungrouped[1:])[0]
    window = masks[:, 0]
    mixed = window & ~isolated[:, 0]
    rest = float(window[nearest[mixed]].mean() - window.mean()) if mixed.any() else 1.0
    return NovelClusters(float((n_isolated[0] - expected) / n_window), rest, float(p), float(p_apart))


def _nearest_of_other_groups(scaled: NDArray[np.float32], members: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the nearest recordings of other groups of each, shape (n, N_NEIGHBOURS)."""
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
    """Return whether all neighbours of a recording are the window's, in every shuffle, shape of ``masks``."""
    isolated = masks[nearest[:, 0]]
    for column in nearest.T[1:]:
        isolated &= masks[column]
    return np.asarray(isolated)
