"""How good the answers are where nobody told the truth: from calibrated confidence, or the loss of such numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.drift.domain_classifier import domain_classifier_auc
from auricle.monitoring.sources.sample import Sample

__all__ = ["ASSUMPTION", "EstimatedPerformance", "estimated_performance"]

ASSUMPTION = (
    "It assumes that confidence means what it meant among the recordings of training: it is blind to a change of what "
    "sounds mean."
)

MAX_AUC = 0.9
"""How well live recordings may be told from those of training, by anything but their level, for an estimate to hold."""
MAX_CLIPPED = 0.2
"""Part of the recordings that may be more clipped than all but a hundredth of training's, for an estimate to hold."""
CLIPPING = {"clipped": 0.001, "flat_topped": 0.01}
"""Measures of it, and by how much they must be higher."""
LEVELS = ("mfcc00_", "rms_", "flux_")
LEVEL_MEASURES = ("level_db", "peak_db", "noise_floor_db", "silent", "clipped", "flat_topped")
MAX_COMPARED = 5000

N_BINS = 8
MIN_IN_BIN = 10
N_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class EstimatedPerformance:
    """A score that nobody measured.

    Parameters
    ----------
    score : ``accuracy`` for classes, ``mae`` for numbers
    value, interval : what it is thought to be, with 95%; None where it cannot be said
    reference : what it was among the recordings of training
    apart : how well they are told from the recordings of training by anything but their level; 0.5 is not at all
    reason : why it cannot be said, "" where it is
    """

    score: str
    value: float | None
    interval: tuple[float, float] | None
    reference: float
    apart: float
    reason: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether even the better end of the interval is worse than it was."""
        if self.interval is None:
            return False
        low, high = self.interval
        return high < self.reference if self.score == "accuracy" else low > self.reference

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"interval": None if self.interval is None else list(self.interval), "assumption": ASSUMPTION}


def estimated_performance(reference: Sample, window: Sample, *, seed: int = 0) -> EstimatedPerformance:
    """Estimate how good the window's answers are.

    Of the reference it is known how often answers of a confidence are right (or by how much numbers like these are off,
    at such a novelty); the window's answers are taken to be as good.

    Source: confidence-based and direct loss estimation as in Guillory et al. (2021), "Predicting with confidence on
    unseen distributions".
    """
    if reference.classes:
        known, asked, loss = reference.confidence, window.confidence, reference.is_correct.astype(np.float64)
    else:
        known, asked = reference.novelty.astype(np.float64), window.novelty.astype(np.float64)
        loss = reference.losses
    name, usual = "accuracy" if reference.classes else "mae", float(loss.mean())
    apart = _apart(reference, window, seed)
    if apart > MAX_AUC:
        reason = (
            f"Cannot say how good the answers are without labels: the inputs are too unlike the training data (AUC "
            f"{apart:.2f}, and confidence is trusted up to {MAX_AUC})."
        )
        return EstimatedPerformance(name, None, None, reference=usual, apart=apart, reason=reason)
    clipped = _clipped(reference, window)
    if clipped > MAX_CLIPPED:
        reason = (
            f"Cannot say how good the answers are without labels: {clipped:.0%} of the recordings are clipped as "
            "hardly any of training is, and confidence cannot be trusted on what clipping adds."
        )
        return EstimatedPerformance(name, None, None, reference=usual, apart=apart, reason=reason)
    edges = _edges(known)
    places, ranked = np.digitize(known, edges), np.digitize(asked, edges)
    expected = _means(places, loss, len(edges) + 1)
    value = float(expected[ranked].mean())
    interval = _interval(places, ranked, loss, reference, window, seed)
    if reference.classes:
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    return EstimatedPerformance(name, value, interval, reference=usual, apart=apart)


def _apart(reference: Sample, window: Sample, seed: int) -> float:
    """Return how well a classifier tells the window from the reference by all that is not the level."""
    drawn = window
    if len(window) > MAX_COMPARED:
        drawn = window.subset(np.random.default_rng(seed).choice(len(window), MAX_COMPARED, replace=False))
    rows = [not name.startswith(LEVELS) for name in reference.columns]
    measures = [name not in LEVEL_MEASURES for name in QUALITY_COLUMNS]
    values = [np.hstack([sample.rows[:, rows], sample.quality[:, measures]]) for sample in (reference, drawn)]
    is_window = np.arange(len(reference) + len(drawn)) >= len(reference)
    groups = np.concatenate([reference.groups, drawn.groups])
    return domain_classifier_auc(np.concatenate(values), groups, is_window, seed=seed)


def _clipped(reference: Sample, window: Sample) -> float:
    """Return the part of the recordings that are more clipped than nearly all of training."""
    more = np.zeros(len(window), np.bool_)
    for name, margin in CLIPPING.items():
        more |= window.measure(name) > np.quantile(reference.measure(name), 0.99) + margin
    return float(more.mean())


def _edges(known: NDArray[np.float64]) -> NDArray[np.float64]:
    n_bins = int(np.clip(len(known) // MIN_IN_BIN, 1, N_BINS))
    return np.unique(np.quantile(known, np.arange(1, n_bins) / n_bins))


def _means(places: NDArray[np.intp], loss: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Return the mean loss of each bin; one that is empty takes that of all."""
    counts = np.bincount(places, minlength=n_bins)
    return np.where(counts > 0, np.bincount(places, loss, n_bins) / np.maximum(counts, 1), loss.mean())


def _interval(
    places: NDArray[np.intp],
    ranked: NDArray[np.intp],
    loss: NDArray[np.float64],
    reference: Sample,
    window: Sample,
    seed: int,
) -> tuple[float, float]:
    """Return where the score would lie if the window were labelled, 95%: doubt about the reference, and chance."""
    rng = np.random.default_rng(seed)
    n_bins = int(max(places.max(), ranked.max())) + 1
    right, known = (_by_group(reference.groups, places, n_bins, what) for what in (loss, None))
    drawn = rng.poisson(1.0, (N_RESAMPLES, len(known))).astype(np.float64)  # groups drawn with replacement, nearly
    counts = drawn @ known
    means = np.divide(drawn @ right, counts, out=np.full_like(counts, loss.mean()), where=counts > 0)
    spread = np.array([loss[places == b].std() if (places == b).any() else loss.std() for b in range(n_bins)])
    own = float(np.sqrt((spread[ranked] ** 2).sum())) / len(window)
    values = means @ (np.bincount(ranked, minlength=n_bins) / len(window)) + own * rng.standard_normal(N_RESAMPLES)
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _by_group(
    groups: NDArray[np.str_], places: NDArray[np.intp], n_bins: int, weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    names, members = np.unique(groups, return_inverse=True)
    flat = np.bincount(members * n_bins + places, weights, len(names) * n_bins)
    return np.asarray(flat.reshape(len(names), n_bins), np.float64)
