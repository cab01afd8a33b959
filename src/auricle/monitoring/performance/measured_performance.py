"""Performance measured with labels: the score with its interval, the same over time, label coverage and label delay."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from auricle.evaluation.intervals import interval_of_mean, interval_of_share, mean_variance
from auricle.monitoring.performance.calibration_drift import CalibrationDrift, calibration_drift
from auricle.monitoring.performance.concept_drift import ConceptDrift, concept_drift, label_evidence
from auricle.monitoring.performance.design_effect import design_effect, intraclass_correlation
from auricle.monitoring.performance.matched_reference import drawn_losses, expected_losses, matched_sample
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_LABELS", "MeasuredPerformance", "PeriodScore", "measured_performance"]

MIN_LABELS = 20
"""Fewest labels for a judgement; fewer are only counted."""
MIN_LOSS = 0.05
"""Smallest loss of accuracy in points, or increase of the error as a part of it, that counts as worse."""
MAX_PARTS = 8
N_STRATA = 5
"""Strata of confidence, or novelty, in which labelled recordings represent unlabelled ones."""
RATE_OF_LABELS = 0.1
"""Share of a check's false alarm rate that each test with labels gets: the score, its calibration, concept drift."""
MAX_TESTED = 2000
"""Labels that tests draw for; of more, a random sample."""
MIN_DRAWS, MAX_DRAWS = 2000, 20_000


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
    p_worse : float
        p-value of a loss against the training data, corrected for the choice of labelled recordings.
    calibration : CalibrationDrift or None
        Change of the accuracy at equal confidence; None for numbers, and with few labels.
    rate : float
        Rate at which each of the tests may be wrong.
    n_reference : int
        Training recordings.
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
    p_worse: float
    calibration: CalibrationDrift | None
    rate: float
    n_reference: int

    @property
    def is_judged(self) -> bool:
        """Whether there are enough labels for a judgement, and enough training recordings to judge by."""
        return self.n >= MIN_LABELS and self.n_reference >= MIN_LABELS

    @property
    def is_worse(self) -> bool:
        """Whether the score is significantly worse than on the training data, by at least ``MIN_LOSS``."""
        is_class = self.score == "accuracy"
        loss = self.reference - self.value if is_class else self.value - self.reference
        return self.is_judged and self.p_worse <= self.rate and loss >= MIN_LOSS * (1.0 if is_class else self.reference)

    @property
    def is_miscalibrated(self) -> bool:
        """Whether confidence no longer means what it meant."""
        return self.is_judged and self.calibration is not None and self.calibration.drifted(self.rate)


def measured_performance(
    reference: Sample, window: Sample, *, rate: float = 0.01, seed: int = 0
) -> MeasuredPerformance | None:
    """Return the score of the labelled recordings, or None without labels.

    A label not seen in training counts as an error.

    Parameters
    ----------
    reference, window : Sample
    rate : float
        False alarm rate of the check, of which each test with labels gets ``RATE_OF_LABELS``.
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
    expected, window_expected = (_expected(reference, one) for one in (labelled, window))
    weights = _weights(labelled, window)
    window_loss = np.asarray(window_expected.mean() + weights * (loss - expected))
    value, interval = _score(window_loss, labelled.groups, is_share=bool(labelled.classes))
    before, before_interval = _score(reference_loss, reference.groups, is_share=bool(labelled.classes))
    matched = matched_sample(reference, labelled, seed)
    icc = intraclass_correlation(weights * (loss - expected), labelled.groups)
    effect, freedom = design_effect(labelled.groups, icc)
    tested = np.random.default_rng(seed).permutation(len(labelled))[:MAX_TESTED]
    n_draws = int(np.clip(2.0 / (rate * RATE_OF_LABELS), MIN_DRAWS, MAX_DRAWS))
    drawn = drawn_losses(reference, labelled.subset(tested), n_draws, seed)
    by_chance = _by_chance(drawn, weights[tested], effect * len(tested) / len(labelled))
    others = mean_variance(window_expected, window.groups) + mean_variance(reference_loss, reference.groups)
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
            rate=rate * RATE_OF_LABELS,
            seed=seed,
        ),
        unheard=dict(zip(names.tolist(), counts.tolist(), strict=True)),
        p_worse=_p_of_rise(float(window_loss.mean() - reference_loss.mean()), by_chance, others, freedom, seed),
        calibration=calibration_drift(labelled.subset(tested), drawn, icc=icc) if labelled.classes else None,
        rate=rate * RATE_OF_LABELS,
        n_reference=len(reference),
    )


def _order(times: NDArray[np.datetime64], seed: int) -> NDArray[np.intp]:
    """Return the order by time; recordings with equal times, or none, are shuffled.

    A table sorted by class would otherwise show more errors from the first hard class on, though nothing changed.
    """
    order = np.random.default_rng(seed).permutation(len(times))
    return np.asarray(order[np.argsort(times[order], kind="stable")])


def _expected(reference: Sample, sample: Sample) -> NDArray[np.float64]:
    """Return the loss that each prediction is expected to have, shape (n,).

    Users mostly label uncertain predictions, and an unweighted mean would make any model look worse. The estimate for
    the whole window is the mean of what is expected of its predictions, corrected by the error of that expectation on
    labelled recordings. For a fully labelled window it equals the mean loss.

    Source: Angelopoulos et al. (2023), "Prediction-powered inference"; Cochran (1977), post-stratification.
    """
    return 1.0 - sample.confidence if sample.classes else expected_losses(reference, sample)


def _weights(labelled: Sample, window: Sample) -> NDArray[np.float64]:
    """Return the weight of each labelled recording, by the strata of the window, shape (n,), with mean 1.

    Strata are bins of confidence; of numbers, which have none, bins of novelty.
    """
    signals = [one.confidence if one.classes else one.novelty for one in (labelled, window)]
    edges = np.unique(np.quantile(signals[0], np.arange(1, N_STRATA) / N_STRATA))
    of_labelled, of_window = (np.digitize(signal, edges) for signal in signals)
    shares = [np.bincount(level, minlength=len(edges) + 1) / len(level) for level in (of_window, of_labelled)]
    weights = (shares[0] / np.maximum(shares[1], 1e-12))[of_labelled]
    return np.asarray(weights / weights.mean())


def _by_chance(drawn: NDArray[np.float64], weights: NDArray[np.float64], design_effect: float) -> NDArray[np.float64]:
    """Return deviations that the corrected loss has by chance, shape (n_draws,)."""
    means = drawn @ (weights / len(weights))
    return np.asarray((means - means.mean()) * np.sqrt(design_effect))


def _p_of_rise(rise: float, by_chance: NDArray[np.float64], variance: float, freedom: float, seed: int) -> float:
    """Return the p-value of a rise of the loss: the share of deviations by chance that reach it.

    ``variance`` is that of what the draws leave out: which recordings came, and the score on the training data. With
    few groups their design effect is uncertain: Student's quantile, of ``freedom``, takes the place of the normal one.
    """
    noise = np.random.default_rng(seed).standard_normal(len(by_chance)) * np.sqrt(variance)
    found = by_chance + noise
    p = (1.0 + float((found >= rise).sum())) / (1.0 + len(found))
    deviation = float(found.std())
    if deviation and rise > found.max():
        p = min(p, float(norm.sf(rise / deviation)))
    return float(t.sf(norm.isf(p), freedom)) if np.isfinite(freedom) else p


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
