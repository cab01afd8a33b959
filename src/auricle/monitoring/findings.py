"""Sentences of one check: alarms, warnings, the kinds of finding that decide the next steps, and notes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from auricle.monitoring.diagnosis.causes import Cause
from auricle.monitoring.diagnosis.subgroups import MAX_SUBGROUPS, MIN_IN_SUBGROUP
from auricle.monitoring.drift.battery import DriftResult
from auricle.monitoring.performance.estimated_performance import EstimatedPerformance
from auricle.monitoring.performance.measured_performance import MeasuredPerformance
from auricle.monitoring.sources.sample import Sample
from auricle.monitoring.sources.units import Units

__all__ = ["MIN_RECORDINGS", "MIN_REFERENCE", "Findings", "estimate_notes", "subgroup_notes", "unit_notes"]

MIN_RECORDINGS = 50
MIN_REFERENCE = 20

MIN_LOSS = 0.05
"""Points of estimated accuracy, or part of the estimated error, that a warning needs."""

N_NAMED = 5
"""Most values of a column that a note names."""

SCORE_NAMES = {"accuracy": "accuracy", "mae": "mean absolute error"}


@dataclass(slots=True)
class Findings:
    """Sentences of one check, collected step by step.

    Parameters
    ----------
    alarms : list of str
        Sentences that each raise an alarm.
    warnings : list of str
        Sentences that ask for attention only.
    kinds : list of str
        Kinds of both; see :data:`~auricle.monitoring.verdict.NEXT_STEPS`.
    """

    alarms: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def check_sizes(self, reference: Sample, window: Sample) -> bool:
        """Return whether both samples are large enough to compare; warn otherwise."""
        if len(reference) < MIN_REFERENCE:
            self.warnings.append(
                f"The model was trained on {len(reference)} recordings, too few to compare with: a test needs "
                f"{MIN_REFERENCE}."
            )
        elif len(window) < MIN_RECORDINGS:
            self.warnings.append(f"Not enough yet: {len(window)} of {MIN_RECORDINGS} recordings.")
            self.kinds.append("few")
        return not self.warnings

    def add_drift(self, drift: DriftResult, causes: tuple[Cause, ...]) -> None:
        """Add an alarm per cause of drift, or one for drift without a cause."""
        self.alarms += [cause.sentence for cause in causes]
        self.kinds += [cause.kind for cause in causes]
        if not causes:
            self.alarms.append(
                f"Live recordings differ from the training data (domain-classifier AUC {drift.multivariate.auc:.2f}), "
                "though no single feature or class shifted far."
            )
            self.kinds.append("other")

    def add_source_doubt(self, causes: tuple[Cause, ...], reference: Sample, n_sources: int | None) -> None:
        """Add a warning for a change that may be a property of the sources at hand.

        Parameters
        ----------
        causes : tuple of Cause
        reference : Sample
        n_sources : int or None
            Sources of the window; None where nobody told.
        """
        n_trained = len(set(reference.groups.tolist()))
        self.warnings += [cause.sentence for cause in causes] or ["The sound changed, in no single measure very far."]
        if n_sources is None:
            known = f"The {n_trained} sources of the training data differ as much among each other"
            doubt = f"{known}, and nobody told which sources these recordings come from (`group`)"
        elif n_sources == 1:
            doubt = "All of it comes from one source, so this may be that source alone"
        else:
            doubt = f"All of it comes from {n_sources} sources, so this may be these sources alone"
        self.warnings.append(f"Not an alarm: {doubt[0].lower()}{doubt[1:]}.")
        self.kinds += [*(cause.kind for cause in causes), "groups"]

    def add_performance(self, estimate: EstimatedPerformance | None, measured: MeasuredPerformance | None) -> None:
        """Add a warning for a low estimate, and alarms for errors that labels confirm.

        An estimate that cannot be made is a warning only where labels do not measure the same score.
        """
        if estimate is not None and not (estimate.value is None and measured is not None and measured.is_judged):
            self._add_estimate(estimate)
        if measured is not None:
            self._add_measured(measured)

    def _add_estimate(self, estimate: EstimatedPerformance) -> None:
        lost = 0.0 if estimate.value is None else estimate.reference - estimate.value
        lost = lost if estimate.score == "accuracy" else -lost / max(estimate.reference, 1e-12)
        if estimate.value is None:
            self.warnings.append(estimate.reason)
        elif estimate.is_worse and lost >= MIN_LOSS:
            self.warnings.append(
                f"The {SCORE_NAMES[estimate.score]} is estimated at {estimate.value:.3g}, against "
                f"{estimate.reference:.3g} on the training data (out of fold)."
            )
        else:
            return
        self.kinds.append("far")

    def _add_measured(self, measured: MeasuredPerformance) -> None:
        if measured.is_worse:
            low, high = measured.interval
            name = "Accuracy" if measured.score == "accuracy" else "The mean absolute error"
            self.alarms.append(
                f"{name} is {measured.value:.3g} (95% interval {low:.3g} to {high:.3g}, {measured.n} labels), against "
                f"{measured.reference:.3g} on the training data (out of fold)."
            )
            self.kinds.append("worse")
        if measured.is_miscalibrated and measured.calibration is not None:
            found = measured.calibration
            self.alarms.append(
                f"Confidence no longer means what it meant: predictions of {found.confidence:.0%} confidence are right "
                f"in {found.accuracy:.0%} ({found.n} labels), against {found.expected:.0%} in training."
            )
            self.kinds.append("calibration")
        if measured.concept.is_found:
            concept = measured.concept
            at = "" if concept.at is None else f", by {concept.at:%-d %B %Y, %H:%M}"
            self.alarms.append(
                f"Concept drift: errors became more frequent, detected by {concept.detector} within "
                f"{concept.label} labels{at}."
            )
            self.kinds.append("concept")
        if measured.unheard:
            names = ", ".join(f"{name!r} ({n})" for name, n in list(measured.unheard.items())[:5])
            self.warnings.append(f"Labels not seen in training: {names}.")
            self.kinds.append("new_class")


def unit_notes(units: Units) -> tuple[str, ...]:
    """Say how a window was cut into independent units, where it was cut."""
    if units.recordings_per_unit == 1:
        return ()
    about = "" if units.duration_s is None else f" (about {_duration(units.duration_s)})"
    blocks = f"{units.n} blocks of {units.recordings_per_unit} that follow each other{about}"
    return (f"Recordings that follow each other may be alike, so they count as {blocks}.",)


def subgroup_notes(drift: DriftResult | None, reference: Sample, by: str | None) -> tuple[str, ...]:
    """Say which values of the column could not be tested, and why."""
    if drift is None or by is None:
        return ()
    found = drift.subgroups
    parts = []
    if found.new:
        named = ", ".join(repr(value) for value in found.new[:N_NAMED])
        more = f" and {len(found.new) - N_NAMED} more" if len(found.new) > N_NAMED else ""
        parts.append(f"{named}{more} have nothing to be compared with, neither in the training data nor in their past")
    if found.n_small:
        parts.append(f"{found.n_small} have fewer than {MIN_IN_SUBGROUP} recordings")
    if found.n_beyond:
        parts.append(f"{found.n_beyond} are beyond the {MAX_SUBGROUPS} largest")
    if not parts:
        return ()
    note = f"Values of {by} that were tested: {len(found.tested)}. Not tested: {'; '.join(parts)}."
    if by not in reference.metadata:
        note += f" The training data have no column {by!r}, or the model was trained before such columns were kept."
    return (note,)


def _duration(seconds: float) -> str:
    for unit, size_s in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def estimate_notes(causes: Sequence[Cause], estimate: EstimatedPerformance | None) -> tuple[str, ...]:
    """Say where an estimate cannot be right, whatever it is."""
    if estimate is None or estimate.value is None or all(cause.kind != "new_class" for cause in causes):
        return ()
    return ("The estimate takes new kinds of sound for known classes; predictions for those are wrong.",)
