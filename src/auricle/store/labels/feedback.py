"""What people say a recording was: only ever added to, with who said it and when; the last word counts."""

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

_BATCH_ENTRIES: Final = 500  # labels a transaction, so that predictions get in between


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    """What somebody said one recording was.

    Parameters
    ----------
    entry : id of the prediction
    label, target : the class or the number, whichever its model answers
    key : id of the API key; empty for the command line
    who : a name, if one was told
    via : how it came: api, page, csv, audacity
    time : when; None for now
    """

    entry: str
    label: str | None = None
    target: float | None = None
    key: str = ""
    who: str = ""
    via: str = "api"
    time: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as the server prints it."""
        answer = {"label": self.label} if self.label is not None else {"target": self.target}
        time = None if self.time is None else self.time.isoformat(timespec="seconds")
        return answer | {"who": self.who, "key": self.key, "via": self.via, "time": time}


class Feedback:
    """The labels of a service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, said: FeedbackEntry) -> FeedbackEntry:
        """Keep what somebody said, and return it with its time.

        Raises
        ------
        MissingError : there is no such prediction
        UsageError : a class that its model does not know, or not what its model answers
        StoreError : the database cannot be written
        """
        ((_, outcome),) = self.add_all([said])
        if isinstance(outcome, AuricleError):
            raise outcome
        return outcome

    def add_all(self, many: Iterable[FeedbackEntry]) -> list[tuple[FeedbackEntry, FeedbackEntry | AuricleError]]:
        """Keep what can be kept of many, some hundreds a transaction, and return each with what became of it.

        Raises
        ------
        StoreError : the database cannot be written; what was kept until then stays
        """
        waiting = list(many)
        some = (waiting[start : start + _BATCH_ENTRIES] for start in range(0, len(waiting), _BATCH_ENTRIES))
        return [outcome for batch in some for outcome in self._give(batch)]

    def _give(self, some: Sequence[FeedbackEntry]) -> list[tuple[FeedbackEntry, FeedbackEntry | AuricleError]]:
        outcomes: list[tuple[FeedbackEntry, FeedbackEntry | AuricleError]] = []
        classes: dict[str, frozenset[str]] = {}
        with self._database.write() as connection:
            for said in some:
                try:
                    kept = _checked(connection, said, classes)
                except (MissingError, UsageError) as error:
                    outcomes.append((said, error))
                else:
                    connection.execute(sa.insert(FEEDBACK).values(**_to_row(kept)))
                    outcomes.append((said, kept))
        return outcomes

    def of(self, entries: Sequence[str]) -> dict[str, tuple[FeedbackEntry, ...]]:
        """Return all that was said of some predictions, the oldest first; the last counts.

        Raises
        ------
        StoreError : the database cannot be read
        """
        wanted = sa.select(FEEDBACK).where(FEEDBACK.c.entry.in_(list(map(storable, entries)))).order_by(FEEDBACK.c.seq)
        found: dict[str, tuple[FeedbackEntry, ...]] = {}
        with self._database.read() as connection:
            for row in connection.execute(wanted):
                found[row.entry] = (*found.get(row.entry, ()), _from_row(row))
        return found


def _checked(connection: sa.Connection, said: FeedbackEntry, classes: dict[str, frozenset[str]]) -> FeedbackEntry:
    columns = PREDICTIONS.c
    wanted = sa.select(columns.model, columns.probabilities).where(columns.id == storable(said.entry))
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise MissingError(f"Prediction {said.entry[:80]!r} is not in the store.")
    if (said.label is None) == (said.target is None):
        raise UsageError("Feedback must be either a `label` or a `target`.")
    if row.probabilities is None:
        if said.target is None or not math.isfinite(said.target):
            raise UsageError(f"{row.model} answers with a number: feedback must be a finite `target`.")
    elif said.label is None:
        raise UsageError(f"{row.model} answers with a class: feedback must be a `label`.")
    else:
        known = classes.setdefault(row.model, frozenset(json.loads(row.probabilities)))
        if said.label not in known:
            raise UsageError(f"A `label` must be one of {', '.join(sorted(known))}. Got {said.label[:80]!r}.")
    time = said.time or clock.now()
    return replace(said, key=storable(said.key), who=storable(said.who), via=storable(said.via), time=time)


def _to_row(said: FeedbackEntry) -> dict[str, Any]:
    return {
        "entry": said.entry,
        "time_us": clock.to_us(said.time or clock.now()),
        "label": said.label,
        "target": said.target,
        "key": said.key,
        "who": said.who,
        "via": said.via,
    }


def _from_row(row: sa.Row[Any]) -> FeedbackEntry:
    told = {name: getattr(row, name) for name in ("entry", "label", "target", "key", "who", "via")}
    return FeedbackEntry(**told, time=clock.from_us(row.time_us))
