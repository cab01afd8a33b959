"""Labels on a time line become labels of predictions: those of the same sound that a label covers for the most part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import sqlalchemy as sa

from auricle.errors import AuricleError, MissingError, UsageError
from auricle.store.database import Database
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.tables import PREDICTIONS

__all__ = ["TimedLabel", "match_labels"]


@dataclass(frozen=True, slots=True)
class TimedLabel:
    """A stretch of a recording that somebody gave a label.

    Parameters
    ----------
    start_s, end_s : from the beginning of the recording
    label : what it is
    where : file and line, for messages
    """

    start_s: float
    end_s: float
    label: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class _Heard:
    id: str
    start_s: float
    end_s: float
    sound: bytes
    is_number: bool


def match_labels(
    database: Database, name: str, marks: Iterable[TimedLabel], *, who: str = ""
) -> Iterator[tuple[TimedLabel, FeedbackEntry | AuricleError]]:
    """Yield what the marks of one recording say of predictions, or why a mark says nothing.

    A mark labels each prediction of that name of which it covers more than half. Two predictions of one name and time
    are labelled together if the same sound was sent twice; if they are different sounds, the name does not tell which
    is meant, and none is labelled.

    Parameters
    ----------
    name : the recording's name without its folders and its suffix
    marks : in seconds from its beginning

    Raises
    ------
    StoreError : the database cannot be read
    """
    heard = _heard(database, name)
    for mark in marks:
        covered = [one for one in heard if _overlap_s(mark, one) > (one.end_s - one.start_s) / 2]
        if not covered:
            why = f"No prediction of {name!r} lies for the most part between {mark.start_s:g} and {mark.end_s:g} s."
            yield mark, MissingError(why)
        elif other := _ambiguous(covered):
            why = f"{len(other)} different recordings were called {name!r}. Import labels by the id of the prediction."
            yield mark, UsageError(why)
        else:
            for one in covered:
                yield mark, _said(one, mark, who)


def _heard(database: Database, name: str) -> list[_Heard]:
    columns = PREDICTIONS.c
    wanted = sa.select(
        columns.id, columns.source, columns.start_s, columns.end_s, columns.standard, columns.value
    ).where(columns.source.contains(name, autoescape=True))
    with database.read() as connection:
        return [
            _Heard(row.id, row.start_s, row.end_s, sound=row.standard, is_number=row.value is not None)
            for row in connection.execute(wanted)
            if PurePosixPath(row.source.replace("\\", "/")).stem == name
        ]


def _overlap_s(mark: TimedLabel, one: _Heard) -> float:
    return min(mark.end_s, one.end_s) - max(mark.start_s, one.start_s)


def _ambiguous(covered: list[_Heard]) -> set[bytes]:
    """Return the different sounds that lie at the same place, if any do."""
    by_place: dict[tuple[float, float], set[bytes]] = {}
    for one in covered:
        by_place.setdefault((one.start_s, one.end_s), set()).add(one.sound)
    return next((sounds for sounds in by_place.values() if len(sounds) > 1), set())


def _said(one: _Heard, mark: TimedLabel, who: str) -> FeedbackEntry | AuricleError:
    if not one.is_number:
        return FeedbackEntry(one.id, mark.label, who=who, via="audacity")
    try:
        return FeedbackEntry(one.id, target=float(mark.label), who=who, via="audacity")
    except ValueError:
        return UsageError(f"A label of a number must be a number. Got {mark.label[:80]!r}.")
