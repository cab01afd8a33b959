"""All drift tests of one check, at one false alarm rate.

A check runs many tests: one per feature, a domain classifier on whole feature rows, a search for new clusters, the
novelty rate, and label shift. Each gets a share of the check's false alarm rate, so that the shares add up to at most
that rate (a union bound). Features share theirs by the false discovery rate of Benjamini and Hochberg.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.monitoring.diagnosis.subgroups import Subgroups, compare_subgroups
from auricle.monitoring.drift.domain_classifier import MultivariateDrift, multivariate_drift
from auricle.monitoring.drift.feature_drift import FeatureDrift, drift_table, feature_drift
from auricle.monitoring.drift.label_shift import LabelShift, label_shift
from auricle.monitoring.drift.novel_clusters import NovelClusters, novel_clusters
from auricle.monitoring.drift.novelty_rate import NoveltyRateDrift, novelty_rate_drift
from auricle.monitoring.drift.resampling import permutation_masks
from auricle.monitoring.sources.sample import Sample

__all__ = ["RATE_PER_TEST", "DriftResult", "detect_drift"]

RATE_PER_TEST, RATE_OF_LABEL_SHIFT, RATE_OF_LABEL_SHIFT_WITH_LABELS = 0.1, 0.5, 0.2
"""Shares of the false alarm rate. Features, the domain classifier, clusters, the novelty rate and subgroups get a tenth
each. Label shift gets half: a small class that disappears is the hardest change to detect. Where recordings are
labelled, it gives three tenths to the tests with labels: the score, its calibration, and concept drift."""

MIN_SHUFFLES = 200
MAX_COMPARED = 5000
"""Live recordings that the tests compare; of a larger window, a random sample. Performance uses all recordings."""


@dataclass(frozen=True, slots=True)
class DriftResult:
    """Results of all drift tests of a window against its reference.

    Parameters
    ----------
    features : tuple of FeatureDrift
        Each feature, quality measure, the novelty, and the confidence or predicted number.
    multivariate : MultivariateDrift
        Domain classifier on all of them at once.
    novel_clusters : NovelClusters
        Live recordings whose neighbours are all live.
    label_shift : LabelShift or None
        Class shares; None for regression.
    novelty_rate : NoveltyRateDrift
        Share of recordings flagged as unknown.
    subgroups : Subgroups
        Audio quality by value of a metadata column.
    rate_of_label_shift : float
        Share of the rate that label shift gets.
    """

    features: tuple[FeatureDrift, ...]
    multivariate: MultivariateDrift
    novel_clusters: NovelClusters
    label_shift: LabelShift | None
    novelty_rate: NoveltyRateDrift
    subgroups: Subgroups
    rate_of_label_shift: float = RATE_OF_LABEL_SHIFT

    def alarms(self, rate: float) -> bool:
        """Whether any test detects drift, at this false alarm rate of the whole battery."""
        each = rate * RATE_PER_TEST
        of_labels = self.label_shift is not None and self.label_shift.drifted(rate * self.rate_of_label_shift)
        of_rows = (
            self.multivariate.drifted(each) or self.novel_clusters.drifted(each) or self.novelty_rate.drifted(each)
        )
        return of_labels or of_rows or any(feature.drifted(each) for feature in self.features)


def detect_drift(
    reference: Sample, window: Sample, *, rate: float, model_rate_hz: int, seed: int, by: str | None = None
) -> DriftResult:
    """Run every drift test of a window against its reference; parameters as in :func:`~auricle.monitoring.check.check`.

    The groups of both samples are the units of all tests but those of subgroups. All tests share one set of permutation
    masks, many enough that a test's share of the rate can be reached.
    """
    compared = window
    if len(window) > MAX_COMPARED:
        drawn = np.random.default_rng(seed).choice(len(window), MAX_COMPARED, replace=False)
        compared = window.subset(np.sort(drawn))
    (before, names), (live, _) = drift_table(reference), drift_table(compared)
    kept = [index for index, name in enumerate(names) if not _is_better(name, before[:, index], live[:, index])]
    both, names = np.concatenate([before, live])[:, kept], tuple(names[index] for index in kept)
    groups = np.concatenate([reference.groups, compared.groups])
    each = rate * RATE_PER_TEST
    n_shuffles = max(MIN_SHUFFLES, int(np.ceil(1.0 / each)))
    masks = permutation_masks(len(reference), len(compared), n_shuffles=n_shuffles, seed=seed)
    return DriftResult(
        features=feature_drift(both, names, groups, masks),
        multivariate=multivariate_drift(both, groups, masks, seed=seed),
        novel_clusters=novel_clusters(both, groups, masks),
        label_shift=label_shift(reference, compared, masks, seed=seed) if reference.classes else None,
        novelty_rate=novelty_rate_drift(reference, compared, masks),
        subgroups=compare_subgroups(reference, window, by, rate=each, model_rate_hz=model_rate_hz, seed=seed)
        if by
        else Subgroups(),
        rate_of_label_shift=RATE_OF_LABEL_SHIFT_WITH_LABELS if window.is_labelled.any() else RATE_OF_LABEL_SHIFT,
    )


def _is_better(name: str, before: NDArray[np.float32], live: NDArray[np.float32]) -> bool:
    """Return whether live recordings are less novel, or predicted with more confidence, which is no drift.

    Predictions of the training data are out of fold: by models that knew fewer recordings, and none of the same source.
    The model that serves knows them all, and is surer of recordings from the same sources though nothing changed.
    """
    rise = float(live.mean(dtype=np.float64) - before.mean(dtype=np.float64)) if len(live) else 0.0
    return (name == "novelty" and rise < 0) or (name == "confidence" and rise > 0)
