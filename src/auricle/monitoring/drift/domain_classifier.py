"""Drift of the whole row at once: whether a classifier can tell live recordings from those of training."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from auricle.evaluation.scores import interval_of_mean
from auricle.monitoring.drift.resampling import effective_size_ratio, p_values

__all__ = ["MIN_AUC", "MultivariateDrift", "multivariate_drift", "clip_standardized", "domain_classifier_auc"]

MIN_AUC = 0.6
"""A window that a classifier tells apart less well than this is no reason to act."""

N_FOLDS = 5
RIDGE = 0.1
"""Of the mean square of a column, per recording: a row has as many columns as a small window has recordings."""
MAX_DEVIATIONS = 3.0
N_SHUFFLES = 200
N_RANDOM_FEATURES = 256
EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class MultivariateDrift:
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

    def drifted(self, rate: float) -> bool:
        """Whether the row moved significantly, and so far that it can be told."""
        return self.p <= rate and self.auc >= MIN_AUC

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"interval": list(self.interval)}


def multivariate_drift(
    values: NDArray[np.float32], groups: NDArray[np.str_], masks: NDArray[np.bool_], *, seed: int
) -> MultivariateDrift:
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
    masks, scaled = masks[:, : 1 + N_SHUFFLES], clip_standardized(values)
    window = masks[:, 0]
    scores = _out_of_fold(scaled, masks.astype(np.float32), _folds(groups, rng))
    aucs = _aucs(scores, masks)
    distances = _squared_mmd(scaled, masks, rng)
    factor = float(np.sqrt(effective_size_ratio(scores[:, :1], groups, window)[0]))
    chance = float(np.median(aucs[1:]))  # of shuffles, a little below a half: what is in a fold is missing outside it
    shrunk = chance + (aucs[0] - chance) * factor
    p, p_apart = _tail_p_values(np.array([shrunk, aucs[0]]), aucs[1:])
    return MultivariateDrift(
        auc=float(aucs[0]),
        interval=_interval(scores[:, 0], groups, window),
        p=float(p),
        p_apart=float(p_apart),
        distance=float(distances[0]),
        p_distance=float(p_values(distances[:1] * factor**2, distances[1:])[0]),
    )


def domain_classifier_auc(
    values: NDArray[np.float32], groups: NDArray[np.str_], window: NDArray[np.bool_], *, seed: int
) -> float:
    """Return the area alone, without shuffles; parameters as of :func:`row_drift`, and the window's recordings."""
    folds = _folds(groups, np.random.default_rng(seed))
    scores = _out_of_fold(clip_standardized(values), window[:, None].astype(np.float32), folds)
    return float(_aucs(scores, window[:, None])[0])


def clip_standardized(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the columns that vary, in deviations from their mean, none beyond three."""
    std = values.std(axis=0, dtype=np.float64)
    varying = values[:, std > EPSILON]
    deviations = (varying - varying.mean(axis=0, dtype=np.float64)) / std[std > EPSILON]
    return np.asarray(np.clip(deviations, -MAX_DEVIATIONS, MAX_DEVIATIONS), np.float32)


def _tail_p_values(observed: NDArray[np.float64], shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values; beyond what any shuffle reached, by a normal tail, as areas of many recordings have."""
    p = p_values(observed, shuffled)
    beyond = observed > shuffled.max()
    p[beyond] = np.minimum(p[beyond], norm.sf((observed[beyond] - shuffled.mean()) / max(shuffled.std(), EPSILON)))
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
    scaled: NDArray[np.float32], membership: NDArray[np.float32], folds: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return each recording's score in every shuffle, from the recordings of other folds, shape (n, n_shuffles)."""
    scores = np.zeros(membership.shape, np.float32)
    whole = scaled.T @ scaled
    for fold in np.unique(folds):
        out = folds == fold
        inside = scaled[out]
        gram = whole - inside.T @ inside
        gram.flat[:: len(gram) + 1] += np.float32(RIDGE * (~out).sum())
        outside = membership[~out]
        targets = scaled[~out].T @ (outside - outside.mean(axis=0))
        scores[out] = inside @ np.linalg.solve(gram, targets)
    return scores


def _aucs(scores: NDArray[np.float32], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    ranks = rankdata(scores, axis=0)
    n_window = int(masks[:, 0].sum())
    above = np.einsum("ij,ij->j", ranks, masks.astype(np.float64)) - n_window * (n_window + 1) / 2
    return np.asarray(above / (n_window * (len(scores) - n_window)))


def _interval(scores: NDArray[np.float32], groups: NDArray[np.str_], window: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the 95% interval of the area, with groups as the trials; a side of one single group is taken apart.

    Source: Obuchowski (1997), with Student's quantile over groups, as every interval of a mean here.
    """
    placement = np.empty(len(scores))
    for side in (window, ~window):
        outside = np.sort(scores[~side])
        below, above = (np.searchsorted(outside, scores[side], side=s) for s in ("left", "right"))
        placement[side] = (below + above) / 2 / len(outside)
    auc = float(placement[window].mean())
    components = np.where(window, placement - auc, -(placement - (1.0 - auc))) / np.where(window, window.sum(), (~window).sum())
    _, clusters = np.unique(groups, return_inverse=True)
    for side in (window, ~window):
        if np.ptp(clusters[side]) == 0:
            clusters[side] = len(clusters) + np.flatnonzero(side)
    low, high = interval_of_mean(auc + len(components) * components, clusters)
    return max(0.0, low), min(1.0, high)


def _squared_mmd(
    scaled: NDArray[np.float32], masks: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the squared maximum mean discrepancy in every shuffle, with a kernel as wide as recordings lie apart."""
    n, k = scaled.shape
    pairs = rng.integers(0, n, (2, 1000))
    bandwidth = float(np.median(np.linalg.norm(scaled[pairs[0]] - scaled[pairs[1]], axis=1))) or 1.0
    cosines = scaled @ (rng.standard_normal((k, N_RANDOM_FEATURES)).astype(np.float32) / np.float32(bandwidth))
    cosines = np.cos(cosines + rng.uniform(0, 2 * np.pi, N_RANDOM_FEATURES).astype(np.float32)) * np.float32(np.sqrt(2 / N_RANDOM_FEATURES))
    membership = masks.astype(np.float32)
    n_window = float(membership[:, 0].sum())
    in_window = cosines.T @ membership
    difference = in_window / n_window - (cosines.sum(axis=0)[:, None] - in_window) / (n - n_window)
    return np.asarray((difference**2).sum(axis=0), np.float64)
