"""All the ways in which what a model hears can differ from what it saw, asked side by side at one rate."""

from dataclasses import dataclass, replace

import numpy as np

from auricle.monitoring.causes import Cause, Place, causes_of, places_of
from auricle.monitoring.classes import ClassDrift, class_drift
from auricle.monitoring.columns import ColumnDrift, column_drift, table_of
from auricle.monitoring.resampling import deal, q_values
from auricle.monitoring.sample import Sample
from auricle.monitoring.unknown import UnknownDrift, unknown_drift
from auricle.monitoring.whole import RowDrift, row_drift

__all__ = ["N_QUESTIONS", "Drift", "drift_of"]

N_QUESTIONS = 5
"""Columns, the whole row, classes, unknown sounds, places: each is asked at its part of the rate of false alarms."""

N_SHUFFLES = 499
MAX_COMPARED = 5000
"""Recordings of a window that are compared one by one; of more, a draw. Estimated and measured scores use all."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How reference and window differ.

    Parameters
    ----------
    columns : each feature and measure
    row : all of them at once
    classes : how often classes are answered; None for numbers
    unknown : how many recordings are unlike all training sound
    places : the column that was asked about, value by value
    """

    columns: tuple[ColumnDrift, ...]
    row: RowDrift
    classes: ClassDrift | None
    unknown: UnknownDrift
    places: tuple[Place, ...] = ()

    def alarms(self, rate: float) -> bool:
        """Whether something moved, each of the questions at this rate."""
        classes = self.classes is not None and self.classes.moved(rate)
        return (
            any(column.moved(rate) for column in self.columns)
            or self.row.moved(rate)
            or self.unknown.moved(rate)
            or classes
        )

    def apart(self) -> "Drift":
        """Return the same as it would be if every recording counted for itself, whatever its group."""
        q = q_values(np.array([column.p_apart for column in self.columns]))
        columns = (replace(one, p=one.p_apart, q=float(value)) for one, value in zip(self.columns, q, strict=True))
        classes = self.classes and replace(self.classes, p=self.classes.p_apart)
        return Drift(
            tuple(columns),
            replace(self.row, p=self.row.p_apart),
            classes,
            replace(self.unknown, p=self.unknown.p_apart),
            self.places,
        )

    def causes(
        self, reference: Sample, window: Sample, *, rate: float, by: str | None, model_rate_hz: int
    ) -> tuple[Cause, ...]:
        """Return what happened, where something moved, anywhere."""
        share = rate / N_QUESTIONS
        if not self.alarms(share) and not any(place.signs for place in self.places):
            return ()
        return causes_of(
            reference,
            window,
            self.columns,
            self.classes,
            self.unknown,
            self.places,
            by=by,
            rate=rate,
            model_rate_hz=model_rate_hz,
        )


def drift_of(reference: Sample, window: Sample, *, rate: float, by: str | None, model_rate_hz: int, seed: int) -> Drift:
    """Compare reference and window in every way; parameters as of `check`."""
    compared = window
    if len(window) > MAX_COMPARED:
        drawn = np.random.default_rng(seed).choice(len(window), MAX_COMPARED, replace=False)
        compared = window.subset(np.sort(drawn))
    (values, names), (live, _) = table_of(reference), table_of(compared)
    both = np.concatenate([values, live])
    groups = np.concatenate([reference.groups, compared.groups])
    dealt = deal(len(reference), len(compared), n_shuffles=N_SHUFFLES, seed=seed)
    share = rate / N_QUESTIONS
    return Drift(
        columns=column_drift(both, names, groups, dealt),
        row=row_drift(both, groups, dealt, seed=seed),
        classes=class_drift(reference, compared, dealt) if reference.classes else None,
        unknown=unknown_drift(reference, compared, dealt),
        places=places_of(reference, window, by, rate=share, model_rate_hz=model_rate_hz, seed=seed) if by else (),
    )
