"""Stored results of monitoring checks: ``auricle monitor`` and ``watch`` add them, the server reads the latest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from auricle.runtime import clock
from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.predictions.filters import matches_model
from auricle.store.tables import CHECKS

__all__ = ["Check", "Checks"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one model.

    Parameters
    ----------
    id : str
    time : datetime
        When the check was made.
    model : str
        ``name@version`` of the monitored model.
    verdict : str
        ok, watch, alarm, or not enough yet.
    body : Mapping
        The whole result, as JSON.
    """

    id: str
    time: datetime
    model: str
    verdict: str
    body: Mapping[str, Any]


class Checks:
    """The table of checks; rows are only added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, model: str, verdict: str, body: Mapping[str, Any]) -> Check:
        """Store the result of a check, and return it with its id and time.

        Raises
        ------
        StoreError : the database cannot be written
        """
        check = Check(clock.new_id(), clock.now(), model=storable(model), verdict=storable(verdict), body=body)
        values = {
            "id": check.id,
            "time_us": clock.to_us(check.time),
            "model": check.model,
            "verdict": check.verdict,
            "body": json.dumps(dict(body)),
        }
        with self._database.write() as connection:
            connection.execute(sa.insert(CHECKS).values(**values))
        return check

    def latest(self, model: str | None = None, *, limit: int = 1) -> tuple[Check, ...]:
        """Return the latest checks, newest first, of a ``name@version``, of every version of a ``name``, or of all.

        Raises
        ------
        StoreError : the database cannot be read
        """
        query = sa.select(CHECKS).order_by(CHECKS.c.seq.desc()).limit(limit)
        if model is not None:
            query = query.where(matches_model(CHECKS.c.model, model))
        with self._database.read() as connection:
            return tuple(map(_from_row, connection.execute(query)))


def _from_row(row: sa.Row[Any]) -> Check:
    time, body = clock.from_us(row.time_us), json.loads(row.body)
    return Check(row.id, time, model=row.model, verdict=row.verdict, body=body)
