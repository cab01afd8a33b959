"""Labels that users give to predictions: validated, append-only, the latest one counts."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from auricle.errors import AuricleError, MissingError, UsageError
from auricle.runtime import clock
from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.tables import FEEDBACK, PREDICTIONS

__all__ = ["Feedback", "FeedbackEntry"]

_BATCH_ENTRIES: Final = 500  # labels per transaction; predictions are written in between


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    """One label of one prediction.

    Parameters
    ----------
    entry : str
        Id of the prediction.
    label : str or None
        The true class, for a classifier.
    target : float or None
        The true value, for a regressor.
    key : str
        Id of the API key; empty for the command line.
    who : str
        Name of the labeller; empty if unknown.
    via : str
        Source of the label: api, page, csv or audacity.
    time : datetime or None
        When the label was given; None for now.
    """

    entry: str
    label: str | None = None
    target: float | None = None
    key: str = ""
    who: str = ""
    via: str = "api"
    time: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the feedback as the server sends it."""
        label = {"label": self.label} if self.label is not None else {"target": self.target}
        time = None if self.time is None else self.time.isoformat(timespec="seconds")
        return label | {"who": self.who, "key": self.key, "via": self.via, "time": time}


class Feedback:
    """The table of labels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, feedback: FeedbackEntry) -> FeedbackEntry:
        """Store one label, and return it with its time.

        Raises
        ------
        MissingError : the prediction is not in the store
        UsageError : the model does not know the class, or a label was given for a number or the reverse
        StoreError : the database cannot be written
        """
        ((_, outcome),) = self.add_all([feedback])
        if isinstance(outcome, AuricleError):
            raise outcome
        return outcome

    def add_all(self, feedback: Iterable[FeedbackEntry]) -> list[tuple[FeedbackEntry, FeedbackEntry | AuricleError]]:
        """Store every valid label, and return each label with its stored form or its error.

        Raises
        ------
        StoreError : the database cannot be written; batches stored before the error stay
        """
        pending = list(feedback)
        batches = (pending[start : start + _BATCH_ENTRIES] for start in range(0, len(pending), _BATCH_ENTRIES))
        return [outcome for batch in batches for outcome in self._add_batch(batch)]

    def _add_batch(self, batch: Sequence[FeedbackEntry]) -> list[tuple[FeedbackEntry, FeedbackEntry | AuricleError]]:
        outcomes: list[tuple[FeedbackEntry, FeedbackEntry | AuricleError]] = []
        classes: dict[str, frozenset[str]] = {}
        with self._database.write() as connection:
            for feedback in batch:
                try:
                    valid = _validate(connection, feedback, classes)
                except (MissingError, UsageError) as error:
                    outcomes.append((feedback, error))
                else:
                    connection.execute(sa.insert(FEEDBACK).values(**_to_row(valid)))
                    outcomes.append((feedback, valid))
        return outcomes

    def of(self, entries: Sequence[str], *, latest: int = 100) -> dict[str, tuple[FeedbackEntry, ...]]:
        """Return the latest feedback of predictions by their id, oldest first.

        Parameters
        ----------
        entries : sequence of str
            Ids of predictions.
        latest : int
            Most labels of each prediction.

        Raises
        ------
        StoreError : the database cannot be read
        """
        age = sa.func.row_number().over(partition_by=FEEDBACK.c.entry, order_by=FEEDBACK.c.seq.desc()).label("age")
        ranked = sa.select(FEEDBACK, age).where(FEEDBACK.c.entry.in_(list(map(storable, entries)))).subquery()
        query = sa.select(ranked).where(ranked.c.age <= latest).order_by(ranked.c.seq)
        feedback: dict[str, tuple[FeedbackEntry, ...]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                feedback[row.entry] = (*feedback.get(row.entry, ()), _from_row(row))
        return feedback


def _validate(connection: sa.Connection, feedback: FeedbackEntry, classes: dict[str, frozenset[str]]) -> FeedbackEntry:
    columns = PREDICTIONS.c
    query = sa.select(columns.model, columns.probabilities).where(columns.id == storable(feedback.entry))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise MissingError(f"Prediction {feedback.entry[:80]!r} is not in the store.")
    if (feedback.label is None) == (feedback.target is None):
        raise UsageError("Feedback must be either a `label` or a `target`.")
    if row.probabilities is None:
        if feedback.target is None or not math.isfinite(feedback.target):
            raise UsageError(f"{row.model} predicts a number: feedback must be a finite `target`.")
    elif feedback.label is None:
        raise UsageError(f"{row.model} predicts a class: feedback must be a `label`.")
    else:
        known = classes.setdefault(row.model, frozenset(json.loads(row.probabilities)))
        if feedback.label not in known:
            raise UsageError(f"A `label` must be one of {', '.join(sorted(known))}. Got {feedback.label[:80]!r}.")
    key, who, via = (storable(text) for text in (feedback.key, feedback.who, feedback.via))
    return replace(feedback, key=key, who=who, via=via, time=feedback.time or clock.now())


def _to_row(feedback: FeedbackEntry) -> dict[str, Any]:
    return {
        "entry": feedback.entry,
        "time_us": clock.to_us(feedback.time or clock.now()),
        "label": feedback.label,
        "target": feedback.target,
        "key": feedback.key,
        "who": feedback.who,
        "via": feedback.via,
    }


def _from_row(row: sa.Row[Any]) -> FeedbackEntry:
    columns = {name: getattr(row, name) for name in ("entry", "label", "target", "key", "who", "via")}
    return FeedbackEntry(**columns, time=clock.from_us(row.time_us))
