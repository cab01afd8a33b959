"""The recording schedule of a data set: span and regular interval of each device or site, and gaps in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.datasets.times import made_at

__all__ = ["Gap", "Schedule", "describe", "schedules"]

PLACES: Final = ("device", "site")
"""Columns of which the first that is there tells recorders apart."""

MIN_RECORDINGS: Final = 4
"""Fewest recordings of a place that show an interval."""
SLACK: Final = 1.5
"""An interval this many times the usual one is a gap."""
RECURS: Final = 3
"""Longer intervals that occur this often, such as nights, belong to the schedule."""
MAX_SHOWN: Final = 5
"""Most gaps of a place that are printed."""
SAME: Final = 0.1
"""Intervals that differ by at most this share are the same."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a recording was due: the last before it and the first after it, in UTC."""

    last: np.datetime64
    first: np.datetime64

    @property
    def hours(self) -> float:
        """Length in hours."""
        return float((self.first - self.last) / np.timedelta64(1, "h"))


@dataclass(frozen=True, slots=True)
class Schedule:
    """When one recorder recorded.

    Parameters
    ----------
    place : str
        Value of the column that tells recorders apart; empty where there is none.
    n : int
        Recordings with a time.
    first, last : datetime64, in UTC
    interval_s : float or None
        Usual time from one recording to the next; None of few recordings.
    gaps : tuple of Gap
        In order.
    """

    place: str
    n: int
    first: np.datetime64
    last: np.datetime64
    interval_s: float | None
    gaps: tuple[Gap, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the schedule as ``inspect --json`` prints it, its longest gaps first."""
        gaps = sorted(self.gaps, key=lambda gap: -gap.hours)
        return {
            "place": self.place,
            "n": self.n,
            "first": _text(self.first),
            "last": _text(self.last),
            "interval_s": self.interval_s,
            "gaps": [{"last": _text(g.last), "first": _text(g.first), "hours": round(g.hours, 3)} for g in gaps],
        }


def schedules(dataset: Dataset) -> tuple[str, tuple[Schedule, ...]]:
    """Return the column that tells recorders apart, empty for none, and the schedule of each; none without times."""
    times = {example.file: made_at(example.time) for example in dataset.examples}
    known = [e for e in {e.file: e for e in dataset.examples}.values() if not np.isnat(times[e.file])]
    column = next((name for name in PLACES if any(e.metadata.get(name) for e in known)), "")
    places = np.array([e.metadata.get(column, "") for e in known])
    moments = np.array([times[e.file] for e in known], "datetime64[us]")
    found = (_schedule(str(place), np.sort(moments[places == place])) for place in np.unique(places))
    return column, tuple(found)


def describe(schedule: Schedule) -> Iterator[str]:
    """Yield sentences on a schedule: its span and interval, then its longest gaps."""
    span = f"{_text(schedule.first)} to {_text(schedule.last)} UTC"
    every = "" if schedule.interval_s is None else f", every {_duration(schedule.interval_s)}"
    yield f"{schedule.place or 'all'}: {schedule.n} recordings from {span}{every}."
    for gap in sorted(schedule.gaps, key=lambda gap: -gap.hours)[:MAX_SHOWN]:
        yield f"gap of {_duration(gap.hours * 3600)} from {_text(gap.last)} to {_text(gap.first)}."
    if len(schedule.gaps) > MAX_SHOWN:
        yield f"{len(schedule.gaps) - MAX_SHOWN} more gaps."


def _schedule(place: str, moments: NDArray[np.datetime64]) -> Schedule:
    steps_s = np.diff(moments) / np.timedelta64(1, "s")
    steps_s = steps_s[steps_s > 0]
    interval_s = float(np.median(steps_s)) if len(moments) >= MIN_RECORDINGS and steps_s.size else None
    gaps = () if interval_s is None else tuple(_gaps(moments, interval_s))
    return Schedule(place, len(moments), moments[0], moments[-1], interval_s, gaps)


def _gaps(moments: NDArray[np.datetime64], interval_s: float) -> Iterator[Gap]:
    steps_s = np.diff(moments) / np.timedelta64(1, "s")
    for index in np.flatnonzero(steps_s > SLACK * interval_s):
        alike = np.abs(steps_s - steps_s[index]) <= SAME * steps_s[index]
        if np.count_nonzero(alike) < RECURS:
            yield Gap(moments[index], moments[index + 1])


def _text(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[s]"))


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"
