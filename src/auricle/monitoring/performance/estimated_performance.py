"""Performance estimated without labels: accuracy from calibrated confidence, mean absolute error from novelty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.drift.domain_classifier import domain_classifier_auc
from auricle.monitoring.sources.sample import Sample

__all__ = ["ASSUMPTION", "EstimatedPerformance", "estimated_performance"]

ASSUMPTION = (
    "The estimate assumes that confidence is calibrated as in training; it is blind to concept drift (a change of what "
    "sounds mean)."
)

MAX_AUC = 0.9
"""Largest AUC of a domain classifier on everything but the level, for an estimate to hold."""
MAX_CLIPPED = 0.2
"""Largest share of recordings that are more clipped than 99% of the training data, for an estimate to hold."""
CLIPPING = {"clipped": 0.001, "flat_topped": 0.01}
"""Measures of clipping, and the margin by which each must exceed that of the training data."""
LEVEL_FEATURES = ("mfcc00_", "rms_", "flux_")
LEVEL_MEASURES = ("level_db", "peak_db", "noise_floor_db", "silent", "clipped", "flat_topped")
MAX_COMPARED = 5000

N_BINS = 8
MIN_IN_BIN = 10
N_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class EstimatedPerformance:
    """Estimated score of a window without labels.

    Parameters
    ----------
    score : {"accuracy", "mae"}
        Accuracy for classes, mean absolute error for numbers.
    value : float or None
        None where no estimate is possible.
    interval : tuple of float, or None
        95% interval.
    reference : float
        Out-of-fold score on the training data.
    apart : float
        AUC of a domain classifier on everything but the level; 0.5 is chance.
    reason : str
        Why no estimate is possible, "" where one is.
    """

    score: str
    value: float | None
    interval: tuple[float, float] | None
    reference: float
    apart: float
    reason: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether even the better end of the interval is worse than the score on the training data."""
        if self.interval is None:
            return False
        low, high = self.interval
        return high < self.reference if self.score == "accuracy" else low > self.reference


def estimated_performance(reference: Sample, window: Sample, *, seed: int = 0) -> EstimatedPerformance:
    """Estimate the score of the window's predictions.

    Out-of-fold predictions of the training data give the accuracy at each confidence (for numbers, the error at each
    novelty). The window's predictions are taken to be as accurate at equal confidence.

    Parameters
    ----------
    reference, window : Sample
    seed : int
        Of folds and resamples.

    Source: confidence-based and direct loss estimation, Guillory et al. (2021), "Predicting with confidence on unseen
    distributions".
    """
    if reference.classes:
        reference_signal, window_signal, loss = (
            reference.confidence,
            window.confidence,
            reference.is_correct.astype(np.float64),
        )
    else:
        reference_signal, window_signal = reference.novelty.astype(np.float64), window.novelty.astype(np.float64)
        loss = reference.losses
    name, reference_score = "accuracy" if reference.classes else "mae", float(loss.mean())
    apart = _input_auc(reference, window, seed)
    if apart > MAX_AUC:
        reason = (
            f"Cannot say how good the predictions are without labels: the inputs differ too much from the training "
            f"data (domain-classifier AUC {apart:.2f}; an estimate needs at most {MAX_AUC})."
        )
        return EstimatedPerformance(name, None, None, reference=reference_score, apart=apart, reason=reason)
    clipped_share = _clipped_share(reference, window)
    if clipped_share > MAX_CLIPPED:
        reason = (
            f"Cannot say how good the predictions are without labels: {clipped_share:.0%} of recordings are clipped, "
            "more than nearly all training data, and confidence is not calibrated for that."
        )
        return EstimatedPerformance(name, None, None, reference=reference_score, apart=apart, reason=reason)
    edges = _bin_edges(reference_signal)
    reference_bins, window_bins = np.digitize(reference_signal, edges), np.digitize(window_signal, edges)
    bin_means = _bin_means(reference_bins, loss, len(edges) + 1)
    value = float(bin_means[window_bins].mean())
    interval = _interval(reference_bins, window_bins, loss, reference, window, seed)
    if reference.classes:
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    return EstimatedPerformance(name, value, interval, reference=reference_score, apart=apart)


def _input_auc(reference: Sample, window: Sample, seed: int) -> float:
    """Return the AUC of a domain classifier on all features and measures except those of the level."""
    compared = window
    if len(window) > MAX_COMPARED:
        compared = window.subset(np.random.default_rng(seed).choice(len(window), MAX_COMPARED, replace=False))
    rows = [not name.startswith(LEVEL_FEATURES) for name in reference.columns]
    measures = [name not in LEVEL_MEASURES for name in QUALITY_COLUMNS]
    values = [np.hstack([sample.rows[:, rows], sample.quality[:, measures]]) for sample in (reference, compared)]
    is_window = np.arange(len(reference) + len(compared)) >= len(reference)
    groups = np.concatenate([reference.groups, compared.groups])
    return domain_classifier_auc(np.concatenate(values), groups, is_window, seed=seed)


def _clipped_share(reference: Sample, window: Sample) -> float:
    """Return the share of recordings that are more clipped than 99% of the training data."""
    more = np.zeros(len(window), np.bool_)
    for name, margin in CLIPPING.items():
        more |= window.measure(name) > np.quantile(reference.measure(name), 0.99) + margin
    return float(more.mean())


def _bin_edges(reference_signal: NDArray[np.float64]) -> NDArray[np.float64]:
    n_bins = int(np.clip(len(reference_signal) // MIN_IN_BIN, 1, N_BINS))
    return np.unique(np.quantile(reference_signal, np.arange(1, n_bins) / n_bins))


def _bin_means(reference_bins: NDArray[np.intp], loss: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Return the mean loss of each bin; of all recordings, where a bin is empty."""
    counts = np.bincount(reference_bins, minlength=n_bins)
    return np.where(counts > 0, np.bincount(reference_bins, loss, n_bins) / np.maximum(counts, 1), loss.mean())


def _interval(
    reference_bins: NDArray[np.intp],
    window_bins: NDArray[np.intp],
    loss: NDArray[np.float64],
    reference: Sample,
    window: Sample,
    seed: int,
) -> tuple[float, float]:
    """Return the 95% interval of the window's score: uncertainty of the bin means over groups, and sampling noise."""
    rng = np.random.default_rng(seed)
    n_bins = int(max(reference_bins.max(), window_bins.max())) + 1
    group_loss, group_counts = (
        _by_group(reference.groups, reference_bins, n_bins, weights) for weights in (loss, None)
    )
    drawn = rng.poisson(1.0, (N_RESAMPLES, len(group_counts))).astype(np.float64)  # approximates a bootstrap of groups
    counts = drawn @ group_counts
    means = np.divide(drawn @ group_loss, counts, out=np.full_like(counts, loss.mean()), where=counts > 0)
    std = np.array(
        [loss[reference_bins == b].std() if (reference_bins == b).any() else loss.std() for b in range(n_bins)]
    )
    noise = float(np.sqrt((std[window_bins] ** 2).sum())) / len(window)
    values = means @ (np.bincount(window_bins, minlength=n_bins) / len(window)) + noise * rng.standard_normal(
        N_RESAMPLES
    )
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _by_group(
    groups: NDArray[np.str_], bins: NDArray[np.intp], n_bins: int, weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    names, members = np.unique(groups, return_inverse=True)
    flat = np.bincount(members * n_bins + bins, weights, len(names) * n_bins)
    return np.asarray(flat.reshape(len(names), n_bins), np.float64)
