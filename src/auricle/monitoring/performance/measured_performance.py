"""Performance measured with labels: the score with its interval, the same over time, label coverage and label delay."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from auricle.evaluation.intervals import interval_of_mean, interval_of_share
from auricle.monitoring.performance.concept_drift import ConceptDrift, concept_drift, label_evidence
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_LABELS", "MeasuredPerformance", "PeriodScore", "measured_performance"]

MIN_LABELS = 20
"""Fewest labels for a judgement; fewer are only counted."""
MIN_LOSS = 0.05
"""Smallest loss of accuracy in points, or increase of the error as a part of it, that counts as worse."""
MAX_PARTS = 8
N_CONFIDENCE_BINS = 5
"""Confidence bins in which labelled recordings represent unlabelled ones."""
N_SIMILAR = 10
"""Training recordings of similar confidence, from which one is drawn for a labelled recording."""
MIN_DRAWN = 1000
"""Fewest training recordings that labelled ones are compared with, drawn with replacement."""


@dataclass(frozen=True, slots=True)
class PeriodScore:
    """Score of the labelled recordings of one period.

    Parameters
    ----------
    first, last : datetime or None
        Times of the first and last recording in UTC.
    n : int
        Labelled recordings.
    value : float
    interval : tuple of float
        95% interval over groups.
    """

    first: datetime | None
    last: datetime | None
    n: int
    value: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class MeasuredPerformance:
    """Score of a window with labels.

    Parameters
    ----------
    score : {"accuracy", "mae"}
        Accuracy for classes, mean absolute error for numbers.
    n : int
        Labelled recordings.
    coverage : float
        Their share of the window.
    lag_s : float or None
        Median time from prediction to label in seconds, where known.
    value : float
        Score of the whole window, corrected for the choice of labelled recordings.
    interval : tuple of float
        95% interval over groups.
    reference : float
        Out-of-fold score on the training data.
    reference_interval : tuple of float
        Its 95% interval over groups.
    parts : tuple of PeriodScore
        Score over time.
    concept : ConceptDrift
        Rise of the errors, if any.
    unheard : dict of str to int
        Labels not seen in training, with their number.
    """

    score: str
    n: int
    coverage: float
    lag_s: float | None
    value: float
    interval: tuple[float, float]
    reference: float
    reference_interval: tuple[float, float]
    parts: tuple[PeriodScore, ...]
    concept: ConceptDrift
    unheard: dict[str, int]

    @property
    def is_judged(self) -> bool:
        """Whether there are enough labels for a judgement."""
        return self.n >= MIN_LABELS

    @property
    def is_worse(self) -> bool:
        """Whether the score fell from that on the training data, by more than ``MIN_LOSS`` and the uncertainty."""
        better, worse = (1, 0) if self.score == "accuracy" else (0, 1)
        loss = abs(self.reference - self.value)
        is_down = self.value < self.reference if self.score == "accuracy" else self.value > self.reference
        uncertainty = float(
            np.hypot(self.interval[better] - self.value, self.reference_interval[worse] - self.reference)
        )
        min_loss = MIN_LOSS if self.score == "accuracy" else MIN_LOSS * self.reference
        return self.is_judged and is_down and loss > uncertainty and loss >= min_loss


def measured_performance(reference: Sample, window: Sample, *, seed: int = 0) -> MeasuredPerformance | None:
    """Return the score of the labelled recordings, or None without labels.

    A label not seen in training counts as an error.

    Parameters
    ----------
    reference, window : Sample
    seed : int
        Of the order of recordings without times, and of the draws of training recordings.
    """
    known = window.subset(window.is_labelled)
    if not len(known):
        return None
    labelled = known.subset(_order(known.times, seed))
    loss, reference_loss = labelled.losses, reference.losses
    lags = labelled.label_times - labelled.times
    lags = lags[~np.isnat(lags)]
    unseen = labelled.truth[~np.isin(labelled.truth, labelled.classes)] if labelled.classes else np.array([], str)
    names, counts = np.unique(unseen, return_counts=True)
    window_loss = _estimates_for_window(loss, labelled, window)
    value, interval = _score(window_loss, labelled.groups, is_share=bool(labelled.classes))
    before, before_interval = _score(reference_loss, reference.groups, is_share=bool(labelled.classes))
    matched = _matched_reference(reference, labelled, seed)
    return MeasuredPerformance(
        score="accuracy" if labelled.classes else "mae",
        n=len(labelled),
        coverage=len(labelled) / len(window),
        lag_s=float(np.median(lags) / np.timedelta64(1, "s")) if lags.size else None,
        value=value,
        interval=interval,
        reference=before,
        reference_interval=before_interval,
        parts=tuple(_scores_over_time(labelled, window_loss)),
        concept=concept_drift(
            matched.losses,
            loss,
            labelled.times,
            log_ratios=label_evidence(matched, labelled),
            groups=labelled.groups,
            seed=seed,
        ),
        unheard=dict(zip(names.tolist(), counts.tolist(), strict=True)),
    )


def _order(times: NDArray[np.datetime64], seed: int) -> NDArray[np.intp]:
    """Return the order by time; recordings with equal times, or none, are shuffled.

    A table sorted by class would otherwise show more errors from the first hard class on, though nothing changed.
    """
    order = np.random.default_rng(seed).permutation(len(times))
    return np.asarray(order[np.argsort(times[order], kind="stable")])


def _weights(labelled: Sample, window: Sample) -> NDArray[np.float64]:
    """Return the weight of each labelled recording, by the confidence of the window, shape (n,), with mean 1."""
    edges = np.unique(np.quantile(labelled.confidence, np.arange(1, N_CONFIDENCE_BINS) / N_CONFIDENCE_BINS))
    of_labelled, of_window = (np.digitize(one.confidence, edges) for one in (labelled, window))
    shares = [np.bincount(level, minlength=len(edges) + 1) / len(level) for level in (of_window, of_labelled)]
    weights = (shares[0] / np.maximum(shares[1], 1e-12))[of_labelled]
    return np.asarray(weights / weights.mean())


def _estimates_for_window(loss: NDArray[np.float64], labelled: Sample, window: Sample) -> NDArray[np.float64]:
    """Return one value per labelled recording, with the loss of the whole window as their mean, shape (n,).

    Users mostly label uncertain predictions, and an unweighted mean would make any model look worse. The estimate is
    the loss expected from the window's confidence, corrected by the error of that expectation on labelled recordings.
    For a fully labelled window it equals the mean loss.

    Source: Angelopoulos et al. (2023), "Prediction-powered inference"; Cochran (1977), post-stratification.
    """
    if not labelled.classes:
        return loss
    expected = 1.0 - window.confidence.mean()
    return np.asarray(expected + _weights(labelled, window) * (loss - (1.0 - labelled.confidence)))


def _matched_reference(reference: Sample, labelled: Sample, seed: int) -> Sample:
    """Return training recordings with the confidence distribution of the labelled ones, drawn with replacement.

    A model errs more often where it is uncertain; labels chosen there are no concept drift.
    """
    if not reference.classes:
        return reference
    rng, order = np.random.default_rng(seed), np.argsort(reference.confidence, kind="stable")
    drawn = rng.permutation(np.resize(np.arange(len(labelled)), max(MIN_DRAWN, len(labelled))))
    at = np.searchsorted(reference.confidence[order], labelled.confidence[drawn])
    first = np.clip(at - N_SIMILAR // 2, 0, max(0, len(order) - N_SIMILAR))
    return reference.subset(order[np.minimum(first + rng.integers(0, N_SIMILAR, len(first)), len(order) - 1)])


def _score(loss: NDArray[np.float64], groups: NDArray[np.str_], *, is_share: bool) -> tuple[float, tuple[float, float]]:
    if is_share:
        share = float(np.clip(1.0 - loss.mean(), 0.0, 1.0))  # an estimate for the whole window may exceed 0 or 1
        return share, interval_of_share(share + loss.mean() - loss, groups)
    return float(loss.mean()), interval_of_mean(loss, groups)


def _scores_over_time(labelled: Sample, loss: NDArray[np.float64]) -> list[PeriodScore]:
    """Return the score of consecutive periods with equal numbers of labels."""
    n_parts = min(MAX_PARTS, len(labelled) // MIN_LABELS)
    found = []
    for indices in np.array_split(np.arange(len(labelled)), n_parts) if n_parts > 1 else []:
        value, interval = _score(loss[indices], labelled.groups[indices], is_share=bool(labelled.classes))
        first, last = (None if np.isnat(t) else t.item() for t in labelled.times[indices[[0, -1]]])
        found.append(PeriodScore(first, last, n=len(indices), value=value, interval=interval))
    return found
