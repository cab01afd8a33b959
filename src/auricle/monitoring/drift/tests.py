"""All the ways in which what a model hears can differ from what it saw, asked side by side at one rate."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import false_discovery_control

from auricle.monitoring.diagnosis.causes import Cause, Place, causes_of, places_of
from auricle.monitoring.drift.domain_classifier import RowDrift, row_drift
from auricle.monitoring.drift.feature_drift import FeatureDrift, feature_drift, table_of
from auricle.monitoring.drift.label_shift import LabelShift, label_shift
from auricle.monitoring.drift.novel_clusters import NovelClusters, novel_clusters
from auricle.monitoring.drift.novelty_rate import NoveltyRateDrift, novelty_rate_drift
from auricle.monitoring.drift.resampling import permutation_masks
from auricle.monitoring.sources.sample import Sample

__all__ = ["EACH", "Drift", "test_all"]

EACH, OF_CLASSES = 0.1, 0.5
"""Parts of the rate of false alarms. Half is spent on classes: that a small one is gone is the hardest to see. A tenth
each goes to columns, the whole row, kinds of sound, unknown sounds and places, which are sure where they are large."""

LEAST_SHUFFLES = 200
MAX_COMPARED = 5000
"""Recordings of a window that are compared one by one; of more, a draw. Estimated and measured scores use all."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How reference and window differ.

    Parameters
    ----------
    columns : each feature and measure
    row : all of them at once
    kinds : how many recordings lie among each other, where none of training lies
    classes : how often classes come; None for numbers
    unknown : how many recordings are unlike all training sound
    places : the column that was asked about, value by value
    """

    columns: tuple[FeatureDrift, ...]
    row: RowDrift
    kinds: NovelClusters
    classes: LabelShift | None
    unknown: NoveltyRateDrift
    places: tuple[Place, ...] = ()

    def alarms(self, rate: float) -> bool:
        """Whether something moved, where a check in which nothing has changed should say so at this rate."""
        each = rate * EACH
        classes = self.classes is not None and self.classes.moved(rate * OF_CLASSES)
        moved = self.row.moved(each) or self.kinds.moved(each) or self.unknown.moved(each)
        return classes or moved or any(column.moved(each) for column in self.columns)

    def apart(self) -> "Drift":
        """Return the same as it would be if every recording counted for itself, whatever its group."""
        q = false_discovery_control(np.array([column.p_apart for column in self.columns]))
        columns = (replace(one, p=one.p_apart, q=float(value)) for one, value in zip(self.columns, q, strict=True))
        return replace(
            self,
            columns=tuple(columns),
            row=replace(self.row, p=self.row.p_apart),
            kinds=replace(self.kinds, p=self.kinds.p_apart),
            classes=self.classes and replace(self.classes, p=self.classes.p_apart),
            unknown=replace(self.unknown, p=self.unknown.p_apart),
        )

    def causes(
        self, reference: Sample, window: Sample, *, rate: float, by: str | None, model_rate_hz: int
    ) -> tuple[Cause, ...]:
        """Return what happened, where something moved, anywhere."""
        if not self.alarms(rate) and not any(place.signs for place in self.places):
            return ()
        return causes_of(
            reference,
            window,
            self.columns,
            self.kinds,
            self.classes,
            self.unknown,
            self.places,
            by=by,
            rate=rate,
            model_rate_hz=model_rate_hz,
        )


def test_all(reference: Sample, window: Sample, *, rate: float, by: str | None, model_rate_hz: int, seed: int) -> Drift:
    """Compare reference and window in every way; parameters as of `check`."""
    compared = window
    if len(window) > MAX_COMPARED:
        drawn = np.random.default_rng(seed).choice(len(window), MAX_COMPARED, replace=False)
        compared = window.subset(np.sort(drawn))
    (values, names), (live, _) = table_of(reference), table_of(compared)
    both = np.concatenate([values, live])
    groups = np.concatenate([reference.groups, compared.groups])
    n_shuffles = max(LEAST_SHUFFLES, int(np.ceil(1.0 / (rate * EACH))))  # so that a tenth of the rate can be reached
    dealt = permutation_masks(len(reference), len(compared), n_shuffles=n_shuffles, seed=seed)
    return Drift(
        columns=feature_drift(both, names, groups, dealt),
        row=row_drift(both, groups, dealt, seed=seed),
        kinds=novel_clusters(both, groups, dealt),
        classes=label_shift(reference, compared, dealt, seed=seed) if reference.classes else None,
        unknown=novelty_rate_drift(reference, compared, dealt),
        places=places_of(reference, window, by, rate=rate * EACH, model_rate_hz=model_rate_hz, seed=seed) if by else (),
    )
