"""What changed, how much, since when and where: one sentence a cause, the most telling first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.diagnosis.change_point import change_point
from auricle.monitoring.diagnosis.fault_rules import Fault, Kind, Shift, match_faults
from auricle.monitoring.drift.feature_drift import FeatureDrift, feature_drift
from auricle.monitoring.drift.label_shift import LabelShift
from auricle.monitoring.drift.novel_clusters import NovelClusters
from auricle.monitoring.drift.novelty_rate import NoveltyRateDrift
from auricle.monitoring.drift.resampling import permutation_masks
from auricle.monitoring.sources.sample import Sample

__all__ = ["LEAST_IN_PART", "Cause", "Place", "causes_of", "places_of"]

LEAST_IN_PART = 20
"""Fewest recordings of a place that are looked at for themselves."""
MAX_PLACES = 50

N_NAMED = 3
VANISHED = 0.4
"""Of a class's share: what is left of it is what other classes are taken for."""
N_SHUFFLES = 200


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened.

    Parameters
    ----------
    kind : of fault
    sentence : what changed, how much, since when and where
    measure : that tells it best, "" where none does
    shift : of that measure's median, in its own unit
    where : value of the column that was asked about, or None where the fault is everywhere
    since : first recording after the change, or None where no change is seen within the window
    """

    kind: Kind
    sentence: str
    measure: str = ""
    shift: float = 0.0
    where: str | None = None
    since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"since": None if self.since is None else self.since.isoformat()}


@dataclass(frozen=True, slots=True)
class Place:
    """One value of the column that was asked about.

    Parameters
    ----------
    value : of the column
    n : recordings there
    columns : of the sound's quality, as they moved there
    signs : faults that fit
    """

    value: str
    n: int
    columns: tuple[FeatureDrift, ...]
    signs: tuple[Fault, ...]


def places_of(
    reference: Sample, window: Sample, by: str, *, rate: float, model_rate_hz: int, seed: int
) -> tuple[Place, ...]:
    """Look at every place for itself: at the sound's quality there, at a rate that all places share.

    Parameters
    ----------
    by : column of the metadata
    rate : of false alarms, over all places
    model_rate_hz : what the model resamples to
    """
    values, counts = np.unique(window.metadata[by], return_counts=True)
    large = [str(v) for v in values[np.argsort(-counts, kind="stable")][:MAX_PLACES]]
    kept = sorted(v for v in large if counts[values == v][0] >= LEAST_IN_PART)
    found = []
    for value in kept:
        part = window.subset(window.metadata[by] == value)
        both = np.concatenate([reference.quality, part.quality])
        groups = np.concatenate([reference.groups, part.groups])
        dealt = permutation_masks(len(reference), len(part), n_shuffles=N_SHUFFLES, seed=seed)
        columns = feature_drift(both, QUALITY_COLUMNS, groups, dealt)
        signs = match_faults(shifts_of(columns, part, rate=rate / len(kept), model_rate_hz=model_rate_hz))
        found.append(Place(value, len(part), columns, signs))
    return tuple(found)


def shifts_of(columns: Sequence[FeatureDrift], window: Sample, *, rate: float, model_rate_hz: int) -> Shift:
    """Return what signs look at."""
    low = window.rates_hz[(window.rates_hz > 0) & (window.rates_hz < model_rate_hz)]
    commonest = int(np.bincount(low).argmax()) if low.size else 0
    return Shift(
        {column.name: column for column in columns},
        rate=rate,
        lower_rate=low.size / len(window),
        rate_hz=(commonest, model_rate_hz),
    )


def causes_of(
    reference: Sample,
    window: Sample,
    columns: Sequence[FeatureDrift],
    kinds: NovelClusters,
    classes: LabelShift | None,
    unknown: NoveltyRateDrift,
    places: Sequence[Place],
    *,
    by: str | None,
    rate: float,
    model_rate_hz: int,
) -> tuple[Cause, ...]:
    """Return what happened, as far as the sound's measures and the answers tell it.

    Parameters
    ----------
    columns : all that moved, the sound's quality among it
    kinds : how many recordings lie among each other, where none of training lies
    classes : how often classes come; None for numbers
    unknown : how many recordings are unlike all training sound
    places : the column ``by``, value by value; none where nothing was asked
    """
    signs = match_faults(shifts_of(columns, window, rate=rate, model_rate_hz=model_rate_hz))
    faults = dict.fromkeys([sign.kind for sign in signs] + [sign.kind for place in places for sign in place.signs])
    everywhere = {sign.kind: sign for sign in signs}
    found: list[Cause] = []
    for kind in faults:
        parts = [(place, sign) for place in places for sign in place.signs if sign.kind == kind]
        if parts and len(parts) < len(places):
            found += [_cause(sign, reference, window, by=by, place=place, places=places) for place, sign in parts]
        elif kind in everywhere:
            found.append(_cause(everywhere[kind], reference, window))
    if not found:
        found += _answers(kinds, classes, unknown, rate)
    if not found and (moved := [column for column in columns if column.moved(rate)]):
        found.append(_unexplained(moved))
    return tuple(found)


def _cause(
    sign: Fault,
    reference: Sample,
    window: Sample,
    *,
    by: str | None = None,
    place: Place | None = None,
    places: Sequence[Place] = (),
) -> Cause:
    """Add to a sign since when and where."""
    part = window if place is None else window.subset(window.metadata[by or ""] == place.value)
    since = (
        change_point(part.times, part.measure(sign.measure), reference.measure(sign.measure)) if sign.measure else None
    )
    sentence = sign.what
    if place is not None:
        sentence += f" at {by}={place.value}"
    if since is not None:
        sentence += f" since {since:%-d %B %Y, %H:%M}"
    if place is not None:
        clean = [other for other in places if all(one.kind != sign.kind for one in other.signs)]
        rest = f"{clean[0].value} is" if len(clean) == 1 else f"the other {len(clean)} values of {by} are"
        sentence += f"; {rest} unchanged"
    return Cause(
        sign.kind,
        f"{sentence}.",
        measure=sign.measure,
        shift=sign.shift,
        where=None if place is None else place.value,
        since=since,
    )


def _answers(kinds: NovelClusters, classes: LabelShift | None, unknown: NoveltyRateDrift, rate: float) -> list[Cause]:
    """Return what the answers tell, where the sound itself is as it was."""
    if unknown.moved(rate):
        return [
            Cause(
                "new_class",
                f"Sounds of a kind that the model does not know: {unknown.after:.0%} of the recordings are unlike all "
                f"training sound, where it was {unknown.before:.0%}.",
                shift=unknown.after - unknown.before,
            )
        ]
    if kinds.moved(rate) and kinds.is_part:
        return [
            Cause(
                "new_class",
                f"Sounds of a kind that the model does not know: {kinds.share:.0%} of the recordings are like each "
                "other and like none of training.",
                shift=kinds.share,
            )
        ]
    moved = [] if classes is None else [one for one in classes.shares if one.moved(rate)]
    gone = [one for one in moved if one.likely_after < VANISHED * one.likely_before]
    if gone:
        most = max(gone, key=lambda one: one.likely_before)
        shares = f"{most.likely_before:.0%} to {most.likely_after:.0%} of the recordings"
        return [Cause("missing_class", f"{most.label!r} has all but vanished: {shares}.")]
    told = sorted(moved, key=lambda one: -abs(one.likely_after - one.likely_before))[:N_NAMED]
    if told:
        shares = ", ".join(f"{one.label!r} {one.likely_before:.0%} to {one.likely_after:.0%}" for one in told)
        return [Cause("classes", f"Classes come at other shares: {shares}.")]
    return []


def _unexplained(moved: Sequence[FeatureDrift]) -> Cause:
    most = sorted(moved, key=lambda column: -column.effect)[:N_NAMED]
    told = ", ".join(f"{one.name} from {one.before:.4g} to {one.after:.4g}" for one in most)
    return Cause("other", f"No known fault explains it: other sounds, speakers or places. What moved most: {told}.")
