"""One check of one model: compare a window of live recordings with the training data, and return a verdict.

The steps: drift tests, causes of drift, performance estimated without labels and measured with them, verdict.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.errors import UsageError
from auricle.monitoring.diagnosis.causes import Cause, causes_of
from auricle.monitoring.diagnosis.source_variation import exceeds_source_variation
from auricle.monitoring.drift.battery import RATE_PER_TEST, DriftResult, detect_drift
from auricle.monitoring.findings import Findings, estimate_notes, subgroup_notes, unit_notes
from auricle.monitoring.performance.estimated_performance import (
    ASSUMPTION,
    EstimatedPerformance,
    estimated_performance,
)
from auricle.monitoring.performance.measured_performance import MeasuredPerformance, measured_performance
from auricle.monitoring.sources.sample import Sample, to_datetime, to_datetime64
from auricle.monitoring.sources.training_overlap import substitute_out_of_fold
from auricle.monitoring.sources.units import Units, independent_units
from auricle.monitoring.verdict import ONCE, Persistence, State, Verdict, decide

__all__ = ["RATE", "Check", "as_json", "check"]

RATE = 0.01
"""Default false alarm rate: the share of checks that raise an alarm though nothing has changed."""

MAX_AHEAD = timedelta(hours=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check.

    Parameters
    ----------
    model : str
        ``name@version``.
    n, n_reference : int
        Recordings of the window, and of the training data.
    n_groups : int
        Sources of the window, or its independent units where nobody told the sources.
    first, last : datetime or None
        Earliest and latest recording time in UTC, where known.
    rate : float
        False alarm rate.
    verdict : Verdict
    units : Units
        Independent units of the window.
    causes : tuple of Cause
        Most specific first.
    drift : DriftResult or None
        None with too few recordings.
    unknown, unknown_before : float
        Share of recordings flagged as unknown, in the window and in the training data.
    estimate : EstimatedPerformance or None
        Performance without labels; None with too few recordings.
    measured : MeasuredPerformance or None
        Performance with labels; None without any.
    notes : tuple of str
        Further sentences for the reader.
    """

    model: str
    n: int
    n_reference: int
    n_groups: int
    first: datetime | None
    last: datetime | None
    rate: float
    verdict: Verdict
    units: Units
    causes: tuple[Cause, ...] = ()
    drift: DriftResult | None = None
    unknown: float | None = None
    unknown_before: float = 0.0
    estimate: EstimatedPerformance | None = None
    measured: MeasuredPerformance | None = None
    notes: tuple[str, ...] = ()

    @property
    def feature_rate(self) -> float:
        """False discovery rate of the features, a share of the check's false alarm rate."""
        return self.rate * RATE_PER_TEST

    def as_json(self) -> dict[str, Any]:
        """Return the check as `auricle monitor --json` prints it: of the features, those that drifted.

        Quality measures are always included.
        """
        verdict = as_json(self.verdict)
        estimate = None if self.estimate is None else {**as_json(self.estimate), "assumption": ASSUMPTION}
        result: dict[str, Any] = {
            "model": self.model,
            "recordings": self.n,
            "reference_recordings": self.n_reference,
            "groups": self.n_groups,
            "sources": self.units.n_sources,
            "units": {
                "n": self.units.n,
                "recordings_per_unit": self.units.recordings_per_unit,
                "duration_s": as_json(self.units.duration_s),
            },
            "first": as_json(self.first),
            "last": as_json(self.last),
            "false_alarm_rate": self.rate,
            "verdict": verdict.pop("state"),
            **verdict,
            "causes": as_json(self.causes),
            "unknown": self.unknown,
            "unknown_before": self.unknown_before,
            "estimate": estimate,
            "measured": as_json(self.measured),
            "notes": list(self.notes),
        }
        if self.drift is None:
            return result | {"drift": None}
        features = [f for f in self.drift.features if f.name in QUALITY_COLUMNS or f.drifted(self.feature_rate)]
        return result | {
            "drift": {
                "columns": as_json(features),
                "row": as_json(self.drift.multivariate),
                "kinds": as_json(self.drift.novel_clusters),
                "unknown": as_json(self.drift.novelty_rate),
                "classes": as_json(self.drift.label_shift),
                "places": [
                    {
                        "value": part.value,
                        "recordings": part.n,
                        "against": part.against,
                        "signs": [fault.kind for fault in part.faults],
                    }
                    for part in self.drift.subgroups.tested
                ],
                "places_not_tested": {
                    "new": list(self.drift.subgroups.new),
                    "small": self.drift.subgroups.n_small,
                    "beyond_limit": self.drift.subgroups.n_beyond,
                },
            }
        }


def as_json(value: Any) -> Any:
    """Return a result as plain JSON values: dataclasses by field name, times in ISO 8601, infinite numbers as null.

    Examples
    --------
    >>> as_json(Persistence(2, 3))
    {'k': 2, 'n': 3}
    """
    if dataclasses.is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [as_json(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check(
    reference: Sample,
    window: Sample,
    *,
    model_rate_hz: int,
    rate: float = RATE,
    by: str | None = None,
    earlier: Sequence[State] = (),
    persistence: Persistence = ONCE,
    now: datetime | None = None,
    seed: int = 0,
) -> Check:
    """Compare a window of live recordings with the training data, and return the verdict.

    Parameters
    ----------
    reference : Sample
        Training data with out-of-fold predictions.
    window : Sample
        Live recordings with predictions of the same model.
    model_rate_hz : int
        Sample rate that the model resamples to.
    rate : float
        False alarm rate over all tests.
    by : str, optional
        Metadata column of the window; each of its values is also tested on its own.
    earlier : sequence of {"ok", "watch", "alarm"}
        ``verdict.found`` of earlier checks of this model, the latest last.
    persistence : Persistence
        Checks that must find an alarm.
    now : datetime, optional
        Time of the check; later recording times are ignored.
    seed : int
        Of the permutations.

    Raises
    ------
    UsageError
        A rate out of range, a column that no recording has, or samples of two models.
    """
    _validate(reference, window, rate, by)
    window, clock_notes = _without_wrong_times(window, now)
    window, overlap_notes = substitute_out_of_fold(window, reference)
    units = independent_units(window)
    if units.n_sources is None:
        window = replace(window, groups=units.labels)
    findings = Findings()
    drift, estimate = None, None
    causes: tuple[Cause, ...] = ()
    if findings.check_sizes(reference, window):
        detect = partial(detect_drift, rate=rate, model_rate_hz=model_rate_hz, seed=seed)
        alone = replace(reference, groups=np.arange(len(reference)).astype(np.str_))
        drift = detect(alone, replace(window, groups=units.labels), by=by)
        causes = causes_of(drift, reference, window, rate=rate, by=by, model_rate_hz=model_rate_hz)
        if causes or drift.alarms(rate):
            of_sources = partial(detect, reference, window)
            if _holds_for_other_sources(drift, causes, reference, window, units, lambda: of_sources().alarms(rate)):
                findings.add_drift(drift, causes)
            else:
                findings.add_source_doubt(causes, reference, units.n_sources)
        estimate = estimated_performance(reference, window, seed=seed)
    units_of_labels = window if (units.n_sources or 0) > 1 else replace(window, groups=units.labels)
    measured = measured_performance(reference, units_of_labels, rate=rate, seed=seed)
    findings.add_performance(estimate, measured)
    verdict = decide(
        findings.alarms,
        findings.warnings,
        kinds=findings.kinds,
        earlier=earlier,
        persistence=persistence,
        ok_sentence=f"No drift detected in {len(window)} recordings.",
    )
    first, last = _time_range(window.times)
    return Check(
        model=window.model,
        n=len(window),
        n_reference=len(reference),
        n_groups=len(np.unique(window.groups)),
        units=units,
        first=first,
        last=last,
        rate=rate,
        verdict=verdict,
        causes=causes,
        drift=drift,
        unknown=float(window.unknown.mean()) if len(window) else None,
        unknown_before=float(reference.unknown.mean()),
        estimate=estimate,
        measured=measured,
        notes=(
            *overlap_notes,
            *clock_notes,
            *unit_notes(units),
            *subgroup_notes(drift, reference, by),
            *estimate_notes(causes, estimate),
        ),
    )


def _holds_for_other_sources(
    drift: DriftResult,
    causes: Sequence[Cause],
    reference: Sample,
    window: Sample,
    units: Units,
    is_significant_over_sources: Callable[[], bool],
) -> bool:
    """Return whether a change is more than a property of the sources at hand.

    It is, where a place changed against its own past, where the training data tell no sources apart, where it is
    significant with sources as the units, or where it goes beyond what any source of the training data did.
    """
    if any(part.faults for part in drift.subgroups.tested) or not reference.is_grouped:
        return True
    if units.n_sources is not None and is_significant_over_sources():
        return True
    return any(exceeds_source_variation(cause, reference, window) for cause in causes)


def _validate(reference: Sample, window: Sample, rate: float, by: str | None) -> None:
    if not 0 < rate < 1:
        raise UsageError(f"The rate of false alarms must lie between 0 and 1. Got {rate:g}.")
    if reference.columns != window.columns or reference.classes != window.classes:
        raise UsageError(
            f"Reference and window must be of one model. They are of {reference.model} and {window.model}."
        )
    if by is not None and len(window) and by not in window.metadata:
        known = ", ".join(map(repr, sorted(window.metadata))) or "none"
        raise UsageError(f"`by` must name a column of the recordings' metadata. There is no {by!r}; there are {known}.")


def _without_wrong_times(window: Sample, now: datetime | None) -> tuple[Sample, tuple[str, ...]]:
    """Replace impossible recording times by NaT; return the window and a note. The recordings themselves stay."""
    latest = (now or datetime.now(UTC)) + MAX_AHEAD
    wrong = (window.times > to_datetime64(latest)) | (window.times < to_datetime64(EARLIEST))
    if not wrong.any():
        return window, ()
    times = window.times.copy()
    times[wrong] = np.datetime64("NaT")
    note = (
        f"{int(wrong.sum())} recordings have a time in the future or before {EARLIEST.year}, by a wrong clock: their "
        "times are ignored."
    )
    return replace(window, times=times), (note,)


def _time_range(times: NDArray[np.datetime64]) -> tuple[datetime | None, datetime | None]:
    known = times[~np.isnat(times)]
    return (to_datetime(known.min()), to_datetime(known.max())) if known.size else (None, None)
