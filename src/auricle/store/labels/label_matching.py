"""Match labels on a recording's time line to the predictions that they cover: a label track in, feedback out."""

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
    """A label of a time span of a recording.

    Parameters
    ----------
    start_s, end_s : float
        Seconds from the beginning of the recording.
    label : str
        The true class, or the true value as text.
    where : str
        File and line, for messages.
    """

    start_s: float
    end_s: float
    label: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class _LoggedSpan:
    """The time span of a stored prediction."""

    id: str
    start_s: float
    end_s: float
    sound: bytes
    is_number: bool


def match_labels(
    database: Database, name: str, labels: Iterable[TimedLabel], *, who: str = ""
) -> Iterator[tuple[TimedLabel, FeedbackEntry | AuricleError]]:
    """Yield each label of a recording with the feedback that it becomes, or the error that it meets.

    A label applies to each prediction of the recording of which it covers more than half. Two predictions of one name
    and time span are both labelled if their sounds are equal; if they differ, the name is ambiguous and neither is.

    Parameters
    ----------
    name : str
        File name of the recording without folders and suffix.
    labels : iterable of TimedLabel

    Raises
    ------
    StoreError : the database cannot be read
    """
    spans = _logged_spans(database, name)
    for label in labels:
        covered = [span for span in spans if _overlap_s(label, span) > (span.end_s - span.start_s) / 2]
        if not covered:
            why = f"No prediction of {name!r} lies for the most part between {label.start_s:g} and {label.end_s:g} s."
            yield label, MissingError(why)
        elif conflicts := _ambiguous_sounds(covered):
            why = f"{len(conflicts)} different recordings are called {name!r}. Import labels by the prediction's id."
            yield label, UsageError(why)
        else:
            for span in covered:
                yield label, _feedback(span, label, who)


def _logged_spans(database: Database, name: str) -> list[_LoggedSpan]:
    columns = PREDICTIONS.c
    query = sa.select(
        columns.id, columns.source, columns.start_s, columns.end_s, columns.standard, columns.value
    ).where(columns.source.contains(name, autoescape=True))
    with database.read() as connection:
        return [
            _LoggedSpan(row.id, row.start_s, row.end_s, sound=row.standard, is_number=row.value is not None)
            for row in connection.execute(query)
            if PurePosixPath(row.source.replace("\\", "/")).stem == name
        ]


def _overlap_s(label: TimedLabel, span: _LoggedSpan) -> float:
    return min(label.end_s, span.end_s) - max(label.start_s, span.start_s)


def _ambiguous_sounds(covered: list[_LoggedSpan]) -> set[bytes]:
    """Return the different sounds of one time span, if any time span has several."""
    by_time: dict[tuple[float, float], set[bytes]] = {}
    for span in covered:
        by_time.setdefault((span.start_s, span.end_s), set()).add(span.sound)
    return next((sounds for sounds in by_time.values() if len(sounds) > 1), set())


def _feedback(span: _LoggedSpan, label: TimedLabel, who: str) -> FeedbackEntry | AuricleError:
    if not span.is_number:
        return FeedbackEntry(span.id, label.label, who=who, via="audacity")
    try:
        return FeedbackEntry(span.id, target=float(label.label), who=who, via="audacity")
    except ValueError:
        return UsageError(f"The label of a prediction of a number must be a number. Got {label.label[:80]!r}.")
