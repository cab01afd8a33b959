"""All drift tests of one check, at one false alarm rate.

A check runs many tests: one per feature, a domain classifier on whole feature rows, a search for new clusters, the
novelty rate, and label shift. Each gets a share of the check's false alarm rate, so that the shares add up to at most
that rate (a union bound). Features share theirs by the false discovery rate of Benjamini and Hochberg.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import false_discovery_control

from auricle.monitoring.diagnosis.subgroups import Subgroup, compare_subgroups
from auricle.monitoring.drift.domain_classifier import MultivariateDrift, multivariate_drift
from auricle.monitoring.drift.feature_drift import FeatureDrift, drift_table, feature_drift
from auricle.monitoring.drift.label_shift import LabelShift, label_shift
from auricle.monitoring.drift.novel_clusters import NovelClusters, novel_clusters
from auricle.monitoring.drift.novelty_rate import NoveltyRateDrift, novelty_rate_drift
from auricle.monitoring.drift.resampling import permutation_masks
from auricle.monitoring.sources.sample import Sample

__all__ = ["RATE_PER_TEST", "DriftResult", "detect_drift"]

RATE_PER_TEST, RATE_OF_LABEL_SHIFT = 0.1, 0.5
"""Shares of the false alarm rate. Label shift gets half: a small class that disappears is the hardest change to detect.
Features, the domain classifier, clusters, the novelty rate and subgroups get a tenth each."""

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
    subgroups : tuple of Subgroup
        Audio quality by value of a metadata column.
    """

    features: tuple[FeatureDrift, ...]
    multivariate: MultivariateDrift
    novel_clusters: NovelClusters
    label_shift: LabelShift | None
    novelty_rate: NoveltyRateDrift
    subgroups: tuple[Subgroup, ...] = ()

    def alarms(self, rate: float) -> bool:
        """Whether any test detects drift, at this false alarm rate of the whole battery."""
        each = rate * RATE_PER_TEST
        of_labels = self.label_shift is not None and self.label_shift.drifted(rate * RATE_OF_LABEL_SHIFT)
        of_rows = (
            self.multivariate.drifted(each) or self.novel_clusters.drifted(each) or self.novelty_rate.drifted(each)
        )
        return of_labels or of_rows or any(feature.drifted(each) for feature in self.features)

    def ungrouped(self) -> "DriftResult":
        """Return the same results with p-values that treat every recording as independent, whatever its group."""
        q = false_discovery_control(np.array([feature.p_apart for feature in self.features]))
        features = (replace(one, p=one.p_apart, q=float(value)) for one, value in zip(self.features, q, strict=True))
        return replace(
            self,
            features=tuple(features),
            multivariate=replace(self.multivariate, p=self.multivariate.p_apart),
            novel_clusters=replace(self.novel_clusters, p=self.novel_clusters.p_apart),
            label_shift=self.label_shift and replace(self.label_shift, p=self.label_shift.p_apart),
            novelty_rate=replace(self.novelty_rate, p=self.novelty_rate.p_apart),
        )


def detect_drift(
    reference: Sample, window: Sample, *, rate: float, by: str | None, model_rate_hz: int, seed: int
) -> DriftResult:
    """Run every drift test of a window against its reference; parameters as in :func:`~auricle.monitoring.check.check`.

    All tests share one set of permutation masks, many enough that a test's share of the rate can be reached.
    """
    compared = window
    if len(window) > MAX_COMPARED:
        drawn = np.random.default_rng(seed).choice(len(window), MAX_COMPARED, replace=False)
        compared = window.subset(np.sort(drawn))
    (values, names), (live, _) = drift_table(reference), drift_table(compared)
    both = np.concatenate([values, live])
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
        else (),
    )
