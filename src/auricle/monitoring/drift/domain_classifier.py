"""Multivariate drift: whether a classifier can tell live recordings from the training data.

A change may show in no single feature and yet in their combination. A linear classifier is fitted to separate live
recordings from training recordings, and scored on groups that it was not fitted on. Its area under the ROC curve (AUC)
is 0.5 where nothing has changed and 1 where every live recording can be recognised. The maximum mean discrepancy (MMD)
supplements it with changes that no linear boundary shows.

Conventions: reference and window are stacked, the reference first, into float32 rows of shape (n, k). ``masks`` are
permutation masks, bool, shape (n, 1 + n_shuffles); column 0 is the observed assignment.

Metric: :func:`multivariate_drift`. Drift needs significance and an AUC of at least ``MIN_AUC``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from auricle.evaluation.intervals import interval_of_mean
from auricle.monitoring.drift.resampling import effective_size_ratio, p_values

__all__ = ["MIN_AUC", "MultivariateDrift", "clip_standardized", "domain_classifier_auc", "multivariate_drift"]

MIN_AUC = 0.6
"""Smallest AUC that counts as drift, whatever its significance."""

N_FOLDS = 5
RIDGE = 0.1
"""Penalty per recording, as part of a column's mean square: a small window has about as many recordings as columns."""
MAX_DEVIATIONS = 3.0
N_SHUFFLES = 200
N_RANDOM_FEATURES = 256
EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class MultivariateDrift:
    """How well live recordings can be told from the training data.

    Parameters
    ----------
    auc : float
        Area under the ROC curve of a linear classifier on held-out groups; 0.5 is chance.
    interval : tuple of float
        Its 95% interval over groups.
    p : float
        Permutation p-value of the AUC.
    distance : float
        Squared maximum mean discrepancy.
    p_distance : float
        Its permutation p-value.
    """

    auc: float
    interval: tuple[float, float]
    p: float
    distance: float
    p_distance: float

    def drifted(self, rate: float) -> bool:
        """Whether the AUC is significant at a rate, and at least ``MIN_AUC``."""
        return self.p <= rate and self.auc >= MIN_AUC


def multivariate_drift(
    values: NDArray[np.float32], groups: NDArray[np.str_], masks: NDArray[np.bool_], *, seed: int
) -> MultivariateDrift:
    """Compare whole feature rows of reference and window.

    The classifier is a ridge regression on the assignment to reference or window; one factorisation then serves all
    permutations.

    Parameters
    ----------
    values : float32, shape (n, k)
        Finite feature rows.
    groups : str, shape (n,)
        Group of each recording; no group is in two folds.
    masks : bool, shape (n, 1 + n_shuffles)
        Permutation masks of the window.
    seed : int
        Of the folds and the random features.

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
    chance = float(np.median(aucs[1:]))  # just below 0.5: a fold's recordings are absent from its training part
    shrunk = chance + (aucs[0] - chance) * factor
    return MultivariateDrift(
        auc=float(aucs[0]),
        interval=_interval(scores[:, 0], groups, window),
        p=float(_tail_p_values(np.array([shrunk]), aucs[1:])[0]),
        distance=float(distances[0]),
        p_distance=float(p_values(distances[:1] * factor**2, distances[1:])[0]),
    )


def domain_classifier_auc(
    values: NDArray[np.float32], groups: NDArray[np.str_], window: NDArray[np.bool_], *, seed: int
) -> float:
    """Return the AUC of the domain classifier alone, without a permutation test.

    Parameters
    ----------
    values : float32, shape (n, k)
    groups : str, shape (n,)
    window : bool, shape (n,)
        Live recordings.
    seed : int
        Of the folds.
    """
    folds = _folds(groups, np.random.default_rng(seed))
    scores = _out_of_fold(clip_standardized(values), window[:, None].astype(np.float32), folds)
    return float(_aucs(scores, window[:, None])[0])


def clip_standardized(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the columns that vary, standardized and clipped to three standard deviations, shape (n, k_varying)."""
    std = values.std(axis=0, dtype=np.float64)
    varying = values[:, std > EPSILON]
    deviations = (varying - varying.mean(axis=0, dtype=np.float64)) / std[std > EPSILON]
    return np.asarray(np.clip(deviations, -MAX_DEVIATIONS, MAX_DEVIATIONS), np.float32)


def _tail_p_values(observed: NDArray[np.float64], shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return permutation p-values; beyond the largest permuted AUC, by a normal tail."""
    p = p_values(observed, shuffled)
    beyond = observed > shuffled.max()
    p[beyond] = np.minimum(p[beyond], norm.sf((observed[beyond] - shuffled.mean()) / max(shuffled.std(), EPSILON)))
    return p


def _folds(groups: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the fold of each recording; groups stay whole, and folds are of about equal size."""
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
    """Return each recording's out-of-fold score in every permutation, shape (n, 1 + n_shuffles)."""
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
    """Return the 95% interval of the AUC over groups; a side with a single group is split into its recordings.

    Source: Obuchowski (1997), with Student's quantile over groups, as for every interval of a mean in this project.
    """
    placement = np.empty(len(scores))
    for side in (window, ~window):
        outside = np.sort(scores[~side])
        below, above = (np.searchsorted(outside, scores[side], side=s) for s in ("left", "right"))
        placement[side] = (below + above) / 2 / len(outside)
    auc = float(placement[window].mean())
    components = np.where(window, placement - auc, -(placement - (1.0 - auc))) / np.where(
        window, window.sum(), (~window).sum()
    )
    _, clusters = np.unique(groups, return_inverse=True)
    for side in (window, ~window):
        if np.ptp(clusters[side]) == 0:
            clusters[side] = len(clusters) + np.flatnonzero(side)
    low, high = interval_of_mean(auc + len(components) * components, clusters)
    return max(0.0, low), min(1.0, high)


def _squared_mmd(
    scaled: NDArray[np.float32], masks: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the squared MMD in every permutation, with the median distance as the bandwidth of the Gaussian kernel."""
    n, k = scaled.shape
    pairs = rng.integers(0, n, (2, 1000))
    bandwidth = float(np.median(np.linalg.norm(scaled[pairs[0]] - scaled[pairs[1]], axis=1))) or 1.0
    cosines = scaled @ (rng.standard_normal((k, N_RANDOM_FEATURES)).astype(np.float32) / np.float32(bandwidth))
    cosines = np.cos(cosines + rng.uniform(0, 2 * np.pi, N_RANDOM_FEATURES).astype(np.float32)) * np.float32(
        np.sqrt(2 / N_RANDOM_FEATURES)
    )
    membership = masks.astype(np.float32)
    n_window = float(membership[:, 0].sum())
    in_window = cosines.T @ membership
    difference = in_window / n_window - (cosines.sum(axis=0)[:, None] - in_window) / (n - n_window)
    return np.asarray((difference**2).sum(axis=0), np.float64)
