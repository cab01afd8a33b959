"""One check of one model: everything that is known of its recordings, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.errors import UsageError
from auricle.monitoring.diagnosis.causes import Cause
from auricle.monitoring.drift.tests import EACH, Drift, test_all
from auricle.monitoring.findings import Findings
from auricle.monitoring.performance.estimated import EstimatedPerformance, estimated_performance
from auricle.monitoring.performance.measured import MeasuredPerformance, measured_performance
from auricle.monitoring.sources.sample import Sample, moment_of, time_of
from auricle.monitoring.sources.training_overlap import with_out_of_fold
from auricle.monitoring.verdict import ONCE, Persistence, State, Verdict, decide

__all__ = ["RATE", "Check", "check"]

RATE = 0.01
"""Of false alarms: checks of a hundred in which nothing has changed."""

AHEAD = timedelta(hours=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found.

    Parameters
    ----------
    model : name and version of what answered
    n, n_reference : recordings watched, and compared with
    n_groups : of the recordings watched
    first, last : times of the earliest and latest recording, in UTC, where known
    rate : of false alarms that was asked for
    verdict : what it comes to
    causes : what happened, the most telling first
    drift : None where there are too few recordings
    unknown, unknown_before : share of recordings too unlike the training sound, and among those of training
    estimate : the score without labels; None where there are too few recordings
    measured : the score with labels; None where nobody told any
    notes : what else somebody should know
    """

    model: str
    n: int
    n_reference: int
    n_groups: int
    first: datetime | None
    last: datetime | None
    rate: float
    verdict: Verdict
    causes: tuple[Cause, ...] = ()
    drift: Drift | None = None
    unknown: float | None = None
    unknown_before: float = 0.0
    estimate: EstimatedPerformance | None = None
    measured: MeasuredPerformance | None = None
    notes: tuple[str, ...] = ()

    @property
    def question_rate(self) -> float:
        """The rate at which columns are called moved, so that all that is asked together keeps the one asked for."""
        return self.rate * EACH

    def as_json(self) -> dict[str, Any]:
        """Return the check as it is printed and kept: of columns those that moved, and all measures of quality."""
        told: dict[str, Any] = {
            "model": self.model,
            "recordings": self.n,
            "reference_recordings": self.n_reference,
            "groups": self.n_groups,
            "first": _iso(self.first),
            "last": _iso(self.last),
            "false_alarm_rate": self.rate,
            "verdict": self.verdict.state,
            **{name: value for name, value in self.verdict.as_json().items() if name != "state"},
            "causes": [cause.as_json() for cause in self.causes],
            "unknown": self.unknown,
            "unknown_before": self.unknown_before,
            "estimate": None if self.estimate is None else self.estimate.as_json(),
            "measured": None if self.measured is None else self.measured.as_json(),
            "notes": list(self.notes),
        }
        if self.drift is None:
            return told | {"drift": None}
        columns = [c for c in self.drift.columns if c.name in QUALITY_COLUMNS or c.moved(self.question_rate)]
        return told | {
            "drift": {
                "columns": [column.as_json() for column in columns],
                "row": self.drift.row.as_json(),
                "kinds": self.drift.kinds.as_json(),
                "unknown": self.drift.unknown.as_json(),
                "classes": None if self.drift.classes is None else self.drift.classes.as_json(),
                "places": [
                    {"value": p.value, "recordings": p.n, "signs": [sign.kind for sign in p.signs]}
                    for p in self.drift.places
                ],
            }
        }


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
    """Compare what a model hears with what it saw in training, and say what that means.

    Parameters
    ----------
    reference : what it saw, answered out of fold
    window : what it hears, answered by the same model
    model_rate_hz : the rate that it resamples sound to
    rate : of false alarms, over all that is tested
    by : column of the metadata whose values are looked at one by one
    earlier : what earlier checks of this model found, the latest last
    persistence : how often an alarm must be found
    now : when the check is made; recordings from later have a clock that is wrong
    seed : of shuffles

    Raises
    ------
    UsageError : a rate out of its range, a column that no recording has, or samples of two models
    """
    _check_asked(reference, window, rate, by)
    window, odd = _with_sane_clocks(window, now)
    window, heard = with_out_of_fold(window, reference)
    findings = Findings()
    drift, estimated = None, None
    causes: tuple[Cause, ...] = ()
    if findings.take_sizes(reference, window):
        drift = test_all(reference, window, rate=rate, by=by, model_rate_hz=model_rate_hz, seed=seed)
        causes = _causes(drift, findings, reference, window, rate=rate, by=by, model_rate_hz=model_rate_hz)
        estimated = estimated_performance(reference, window, seed=seed)
        findings.take_estimate(estimated)
    scored = measured_performance(reference, window, seed=seed)
    if scored is not None:
        findings.take_labels(scored)
    verdict = decide(
        findings.alarms,
        findings.doubts,
        kinds=findings.kinds,
        earlier=earlier,
        persistence=persistence,
        calm=f"Nothing has changed that can be seen in {len(window)} recordings.",
    )
    first, last = _ends(window.times)
    return Check(
        model=window.model,
        n=len(window),
        n_reference=len(reference),
        n_groups=len(np.unique(window.groups)),
        first=first,
        last=last,
        rate=rate,
        verdict=verdict,
        causes=causes,
        drift=drift,
        unknown=float(window.unknown.mean()) if len(window) else None,
        unknown_before=float(reference.unknown.mean()),
        estimate=estimated,
        measured=scored,
        notes=(*heard, *odd, *_blind(causes, estimated)),
    )


def _causes(
    drift: Drift,
    findings: Findings,
    reference: Sample,
    window: Sample,
    *,
    rate: float,
    by: str | None,
    model_rate_hz: int,
) -> tuple[Cause, ...]:
    """Return what happened, and take it as an alarm, or as a doubt where groups are too few to be sure."""
    causes = drift.causes(reference, window, rate=rate, by=by, model_rate_hz=model_rate_hz)
    findings.take_drift(drift, causes, rate)
    if not findings.alarms and (apart := drift.apart()).alarms(rate):
        causes = apart.causes(reference, window, rate=rate, by=by, model_rate_hz=model_rate_hz)
        findings.take_doubtful(causes, reference, window)
    return causes


def _blind(causes: Sequence[Cause], estimated: EstimatedPerformance | None) -> tuple[str, ...]:
    """Say what an estimate cannot know."""
    if estimated is None or estimated.value is None or all(cause.kind != "new_class" for cause in causes):
        return ()
    return ("The estimate takes sounds of a new kind for known ones: the answers to those are wrong.",)


def _check_asked(reference: Sample, window: Sample, rate: float, by: str | None) -> None:
    if not 0 < rate < 1:
        raise UsageError(f"The rate of false alarms must lie between 0 and 1. Got {rate:g}.")
    if reference.columns != window.columns or reference.classes != window.classes:
        raise UsageError(
            f"Reference and window must be of one model. They are of {reference.model} and {window.model}."
        )
    if by is not None and len(window) and by not in window.metadata:
        known = ", ".join(map(repr, sorted(window.metadata))) or "none"
        raise UsageError(f"`by` must name a column of the recordings' metadata. There is no {by!r}; there are {known}.")


def _with_sane_clocks(window: Sample, now: datetime | None) -> tuple[Sample, tuple[str, ...]]:
    """Forget times that cannot be, and say how many there are; the recordings count all the same."""
    latest = (now or datetime.now(UTC)) + AHEAD
    odd = (window.times > time_of(latest)) | (window.times < time_of(EARLIEST))
    if not odd.any():
        return window, ()
    times = window.times.copy()
    times[odd] = np.datetime64("NaT")
    note = (
        f"{int(odd.sum())} recordings come from the future or from before {EARLIEST.year}: a clock was wrong. They "
        "count, and their times do not."
    )
    return replace(window, times=times), (note,)


def _ends(times: NDArray[np.datetime64]) -> tuple[datetime | None, datetime | None]:
    known = times[~np.isnat(times)]
    return (moment_of(known.min()), moment_of(known.max())) if known.size else (None, None)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
