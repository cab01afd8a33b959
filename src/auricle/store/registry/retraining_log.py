"""The log of retrainings: begin, record progress, finish with a decision; unfinished ones can be resumed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from auricle.errors import ConflictError
from auricle.runtime import clock
from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.tables import DECISIONS

__all__ = ["Decision", "Decisions", "Outcome"]

Outcome = Literal["begun", "promoted", "kept", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One retraining.

    Parameters
    ----------
    id : str
    name : str
        Name of the model, shared by its versions.
    begun : datetime
    finished : datetime or None
        None while it runs, or if its process was killed.
    outcome : {"begun", "promoted", "kept", "refused", "failed"}
    body : Mapping
        Its results so far, as JSON.
    """

    id: str
    name: str
    begun: datetime
    finished: datetime | None
    outcome: Outcome
    body: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the decision as the command line and the server print it."""
        finished = None if self.finished is None else self.finished.isoformat(timespec="seconds")
        begun = {"id": self.id, "name": self.name, "begun": self.begun.isoformat(timespec="seconds")}
        return begun | {"finished": finished, "outcome": self.outcome} | dict(self.body)


class Decisions:
    """The table of retrainings; a row is updated while it runs, and final when it is finished."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, name: str, body: Mapping[str, Any]) -> str:
        """Record the start of a retraining, and return its id.

        Raises
        ------
        StoreError : the database cannot be written
        """
        identity = clock.new_id()
        values = {"id": identity, "name": storable(name), "begun_us": clock.to_us(clock.now()), "outcome": "begun"}
        with self._database.write() as connection:
            connection.execute(sa.insert(DECISIONS).values(**values, body=json.dumps(dict(body))))
        return identity

    def note(self, identity: str, body: Mapping[str, Any]) -> None:
        """Replace the recorded progress of a retraining.

        Raises
        ------
        ConflictError : it is finished, or was never begun
        StoreError : the database cannot be written
        """
        with self._database.write() as connection:
            _update(connection, identity, {"body": json.dumps(dict(body))})

    def finish(self, identity: str, outcome: Outcome, body: Mapping[str, Any]) -> None:
        """Record the outcome of a retraining.

        Raises
        ------
        ConflictError : it is finished already, or was never begun
        StoreError : the database cannot be written
        """
        with self._database.write() as connection:
            self.finish_in(identity, outcome, body, connection)

    def finish_in(self, identity: str, outcome: Outcome, body: Mapping[str, Any], connection: sa.Connection) -> None:
        """Record the outcome of a retraining within a transaction; errors as of :meth:`finish`."""
        finished = clock.to_us(clock.now())
        _update(connection, identity, {"body": json.dumps(dict(body)), "outcome": outcome, "finished_us": finished})

    def latest(self, name: str | None = None, *, limit: int = 100) -> tuple[Decision, ...]:
        """Return the latest retrainings, of one model or of all, newest first.

        Raises
        ------
        StoreError : the database cannot be read
        """
        query = sa.select(DECISIONS).order_by(DECISIONS.c.seq.desc()).limit(limit)
        if name is not None:
            query = query.where(DECISIONS.c.name == storable(name))
        with self._database.read() as connection:
            return tuple(map(_from_row, connection.execute(query)))


def _update(connection: sa.Connection, identity: str, values: Mapping[str, Any]) -> None:
    is_running = sa.and_(DECISIONS.c.id == storable(identity), DECISIONS.c.outcome == "begun")
    if not connection.execute(sa.update(DECISIONS).where(is_running).values(**values)).rowcount:
        raise ConflictError(f"Retraining {identity[:80]!r} must be running. It is finished, or never began.")


def _from_row(row: sa.Row[Any]) -> Decision:
    finished = None if row.finished_us is None else clock.from_us(row.finished_us)
    return Decision(
        id=row.id,
        name=row.name,
        begun=clock.from_us(row.begun_us),
        finished=finished,
        outcome=row.outcome,
        body=json.loads(row.body),
    )
