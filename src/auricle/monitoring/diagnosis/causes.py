"""Causes of drift: one sentence per cause, with its size, its start and its subgroup, the most specific first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auricle.monitoring.diagnosis.change_point import change_point
from auricle.monitoring.diagnosis.fault_rules import Fault, Kind, match_faults
from auricle.monitoring.diagnosis.subgroups import Subgroup, quality_shift, subgroup_sides
from auricle.monitoring.drift.battery import DriftResult
from auricle.monitoring.drift.feature_drift import FeatureDrift
from auricle.monitoring.sources.sample import Sample

__all__ = ["Cause", "causes_of"]

N_NAMED = 3
"""Most classes or features that a sentence names."""
MISSING = 0.4
"""Part of a class's former share below which the class counts as missing; misclassified sounds keep it above zero."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of drift.

    Parameters
    ----------
    kind : Kind
    sentence : str
        The change, its size, its start and its subgroup.
    measure : str
        Quality measure that shows it best, "" where none does.
    shift : float
        Shift of that measure's median, in its own unit.
    where : str or None
        Subgroup that it is confined to; None where it affects all recordings.
    since : datetime or None
        Time in UTC of the first recording after the change; None where no change point lies within the window.
    """

    kind: Kind
    sentence: str
    measure: str = ""
    shift: float = 0.0
    where: str | None = None
    since: datetime | None = None


def causes_of(
    drift: DriftResult, reference: Sample, window: Sample, *, rate: float, by: str | None, model_rate_hz: int
) -> tuple[Cause, ...]:
    """Return the causes of drift; none where no test detects any.

    Recording faults come first. Where no fault matches, the predictions are examined: a new kind of sound, a missing
    class, other class shares. Where these do not explain it either, the largest feature shifts are named.

    Parameters
    ----------
    rate : float
        False alarm rate of the check.
    by : str or None
        Metadata column of ``drift.subgroups``.
    model_rate_hz : int
        Sample rate that the model resamples to.
    """
    subgroups = drift.subgroups.tested
    if not drift.alarms(rate) and not any(subgroup.faults for subgroup in subgroups):
        return ()
    overall = match_faults(quality_shift(drift.features, window, rate=rate, model_rate_hz=model_rate_hz))
    kinds = dict.fromkeys([fault.kind for fault in overall] + [f.kind for part in subgroups for f in part.faults])
    everywhere = {fault.kind: fault for fault in overall}
    found: list[Cause] = []
    for kind in kinds:
        parts = [(subgroup, f) for subgroup in subgroups for f in subgroup.faults if f.kind == kind]
        if parts and (len(parts) < len(subgroups) or kind not in everywhere):
            found += [_cause(f, reference, window, by=by, subgroup=part, subgroups=subgroups) for part, f in parts]
        elif kind in everywhere:
            found.append(_cause(everywhere[kind], reference, window))
    if not found:
        found += _prediction_causes(drift, rate)
    if not found and (drifted := [feature for feature in drift.features if feature.drifted(rate)]):
        found.append(_unexplained(drifted))
    return tuple(found)


def _cause(
    fault: Fault,
    reference: Sample,
    window: Sample,
    *,
    by: str | None = None,
    subgroup: Subgroup | None = None,
    subgroups: Sequence[Subgroup] = (),
) -> Cause:
    """Return a fault as a cause, with its start and its subgroup."""
    part, measure = window, fault.measure
    if subgroup is not None and by is not None:
        part = window.subset(window.metadata[by] == subgroup.value)
        sides = subgroup_sides(reference, window, by, subgroup.value)
        reference = reference if sides is None else sides[0]
    since = change_point(part.times, part.measure(measure), reference.measure(measure)) if measure else None
    sentence = fault.description
    if subgroup is not None:
        sentence += f" at {by}={subgroup.value}"
    if since is not None:
        sentence += f" since {since:%-d %B %Y, %H:%M}"
    if subgroup is not None:
        clean = [other for other in subgroups if all(f.kind != fault.kind for f in other.faults)]
        rest = f"{clean[0].value} is" if len(clean) == 1 else f"the other {len(clean)} tested values of {by} are"
        sentence += f"; {rest} unchanged" if clean else ""
    where = None if subgroup is None else subgroup.value
    return Cause(fault.kind, f"{sentence}.", measure=measure, shift=fault.shift, where=where, since=since)


def _prediction_causes(drift: DriftResult, rate: float) -> list[Cause]:
    """Return the causes that novelty and predictions show, where no recording fault matches."""
    novelty, clusters = drift.novelty_rate, drift.novel_clusters
    if novelty.drifted(rate):
        sentence = (
            f"New kind of sound: {novelty.after:.0%} of recordings are out of distribution, against "
            f"{novelty.before:.0%} of the training data."
        )
        return [Cause("new_class", sentence, shift=novelty.after - novelty.before)]
    shifted = [] if drift.label_shift is None else [one for one in drift.label_shift.shares if one.drifted(rate)]
    missing = [one for one in shifted if one.likely_after < MISSING * one.likely_before]
    if missing:  # before clusters: where a class is gone, the others lie closer to each other
        most = max(missing, key=lambda one: one.likely_before)
        shares = f"{most.likely_before:.0%} to {most.likely_after:.0%} of recordings"
        return [Cause("missing_class", f"Class {most.label!r} has almost disappeared: {shares}.")]
    if clusters.drifted(rate) and clusters.is_part:
        sentence = f"New kind of sound: {clusters.share:.0%} of recordings form clusters without training data."
        return [Cause("new_class", sentence, shift=clusters.share)]
    largest = sorted(shifted, key=lambda one: -abs(one.likely_after - one.likely_before))[:N_NAMED]
    if largest:
        shares = ", ".join(f"{one.label!r} {one.likely_before:.0%} to {one.likely_after:.0%}" for one in largest)
        return [Cause("classes", f"Class shares have changed: {shares}.")]
    return []


def _unexplained(drifted: Sequence[FeatureDrift]) -> Cause:
    largest = sorted(drifted, key=lambda feature: -feature.effect)[:N_NAMED]
    shifts = ", ".join(f"{one.name} from {one.before:.4g} to {one.after:.4g}" for one in largest)
    return Cause(
        "other",
        f"No known fault explains the drift; sounds, speakers or sites may be others. Largest shifts: {shifts}.",
    )
