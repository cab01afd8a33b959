"""Drift of the whole row at once: whether a classifier can tell live recordings from those of training."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from auricle.evaluation.scores import interval_of_mean
from auricle.monitoring.drift.resampling import effective_size_ratio, p_values

__all__ = ["LEAST_AUC", "RowDrift", "row_drift", "scaled", "separability"]

LEAST_AUC = 0.6
"""A window that a classifier tells apart less well than this is no reason to act."""

N_FOLDS = 5
RIDGE = 0.1
"""Of the mean square of a column, per recording: a row has as many columns as a small window has recordings."""
LIMIT = 3.0
N_SHUFFLES = 200
N_WAVES = 256
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class RowDrift:
    """How well live recordings are told from those of training.

    Parameters
    ----------
    auc : of a linear classifier on groups that it was not fitted on; 0.5 is chance
    interval : its 95% interval over groups
    p : significance, by shuffles
    p_apart : if every recording counted for itself
    distance : maximum mean discrepancy, the second opinion
    p_distance : its significance
    """

    auc: float
    interval: tuple[float, float]
    p: float
    p_apart: float
    distance: float
    p_distance: float

    def moved(self, rate: float) -> bool:
        """Whether the row moved significantly, and so far that it can be told."""
        return self.p <= rate and self.auc >= LEAST_AUC

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"interval": list(self.interval)}


def row_drift(
    values: NDArray[np.float32], groups: NDArray[np.str_], dealt: NDArray[np.bool_], *, seed: int
) -> RowDrift:
    """Compare whole rows of reference and window.

    The classifier is a ridge regression on which side a recording stands, so that one factorisation serves all
    shuffles. The second opinion looks at what no line can tell.

    Parameters
    ----------
    values : finite, shape (n, k)
    groups : shape (n,); none lies in two folds
    dealt : which recordings are the window's, as observed and in shuffles
    seed : of folds and waves

    Source: Lopez-Paz and Oquab (2017), "Revisiting classifier two-sample tests"; Rahimi and Recht (2007), "Random
    features for large-scale kernel machines".
    """
    rng = np.random.default_rng(seed)
    dealt, table = dealt[:, : 1 + N_SHUFFLES], scaled(values)
    window = dealt[:, 0]
    scores = _out_of_fold(table, dealt.astype(np.float32), _folds(groups, rng))
    aucs = _aucs(scores, dealt)
    distances = _discrepancies(table, dealt, rng)
    factor = float(np.sqrt(effective_size_ratio(scores[:, :1], groups, window)[0]))
    centre = float(np.median(aucs[1:]))  # of shuffles, a little below a half: what is in a fold is missing outside it
    shrunk = centre + (aucs[0] - centre) * factor
    p, p_apart = _p(np.array([shrunk, aucs[0]]), aucs[1:])
    return RowDrift(
        auc=float(aucs[0]),
        interval=_interval(scores[:, 0], groups, window),
        p=float(p),
        p_apart=float(p_apart),
        distance=float(distances[0]),
        p_distance=float(p_values(distances[:1] * factor**2, distances[1:])[0]),
    )


def separability(
    values: NDArray[np.float32], groups: NDArray[np.str_], window: NDArray[np.bool_], *, seed: int
) -> float:
    """Return the area alone, without shuffles; parameters as of :func:`row_drift`, and the window's recordings."""
    folds = _folds(groups, np.random.default_rng(seed))
    scores = _out_of_fold(scaled(values), window[:, None].astype(np.float32), folds)
    return float(_aucs(scores, window[:, None])[0])


def scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the columns that vary, in deviations from their mean, none beyond three."""
    spread = values.std(axis=0, dtype=np.float64)
    varied = values[:, spread > TINY]
    deviations = (varied - varied.mean(axis=0, dtype=np.float64)) / spread[spread > TINY]
    return np.asarray(np.clip(deviations, -LIMIT, LIMIT), np.float32)


def _p(observed: NDArray[np.float64], shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values; beyond what any shuffle reached, by a normal tail, as areas of many recordings have."""
    p = p_values(observed, shuffled)
    beyond = observed > shuffled.max()
    p[beyond] = np.minimum(p[beyond], norm.sf((observed[beyond] - shuffled.mean()) / max(shuffled.std(), TINY)))
    return p


def _folds(groups: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the fold of each recording: groups stay whole, and folds are about equally large."""
    _, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    fold, load = np.zeros(len(sizes), np.intp), np.zeros(N_FOLDS)
    order = rng.permutation(len(sizes))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold[group] = load.argmin()
        load[fold[group]] += sizes[group]
    return np.asarray(fold[members])


def _out_of_fold(
    table: NDArray[np.float32], sides: NDArray[np.float32], folds: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return each recording's score in every shuffle, from the recordings of other folds, shape (n, n_shuffles)."""
    scores = np.zeros(sides.shape, np.float32)
    whole = table.T @ table
    for fold in np.unique(folds):
        out = folds == fold
        own = table[out]
        gram = whole - own.T @ own
        gram.flat[:: len(gram) + 1] += np.float32(RIDGE * (~out).sum())
        others = sides[~out]
        towards = table[~out].T @ (others - others.mean(axis=0))
        scores[out] = own @ np.linalg.solve(gram, towards)
    return scores


def _aucs(scores: NDArray[np.float32], dealt: NDArray[np.bool_]) -> NDArray[np.float64]:
    ranks = rankdata(scores, axis=0)
    n_window = int(dealt[:, 0].sum())
    above = np.einsum("ij,ij->j", ranks, dealt.astype(np.float64)) - n_window * (n_window + 1) / 2
    return np.asarray(above / (n_window * (len(scores) - n_window)))


def _interval(scores: NDArray[np.float32], groups: NDArray[np.str_], window: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the 95% interval of the area, with groups as the trials; a side of one single group is taken apart.

    Source: Obuchowski (1997), with Student's quantile over groups, as every interval of a mean here.
    """
    place = np.empty(len(scores))
    for side in (window, ~window):
        others = np.sort(scores[~side])
        below, above = (np.searchsorted(others, scores[side], side=s) for s in ("left", "right"))
        place[side] = (below + above) / 2 / len(others)
    auc = float(place[window].mean())
    share = np.where(window, place - auc, -(place - (1.0 - auc))) / np.where(window, window.sum(), (~window).sum())
    _, units = np.unique(groups, return_inverse=True)
    for side in (window, ~window):
        if np.ptp(units[side]) == 0:
            units[side] = len(units) + np.flatnonzero(side)
    low, high = interval_of_mean(auc + len(share) * share, units)
    return max(0.0, low), min(1.0, high)


def _discrepancies(
    table: NDArray[np.float32], dealt: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the squared maximum mean discrepancy in every shuffle, with a kernel as wide as recordings lie apart."""
    n, k = table.shape
    pairs = rng.integers(0, n, (2, 1000))
    width = float(np.median(np.linalg.norm(table[pairs[0]] - table[pairs[1]], axis=1))) or 1.0
    waves = table @ (rng.standard_normal((k, N_WAVES)).astype(np.float32) / np.float32(width))
    waves = np.cos(waves + rng.uniform(0, 2 * np.pi, N_WAVES).astype(np.float32)) * np.float32(np.sqrt(2 / N_WAVES))
    sides = dealt.astype(np.float32)
    n_window = float(sides[:, 0].sum())
    in_window = waves.T @ sides
    apart = in_window / n_window - (waves.sum(axis=0)[:, None] - in_window) / (n - n_window)
    return np.asarray((apart**2).sum(axis=0), np.float64)
