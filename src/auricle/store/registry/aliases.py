"""Which bundle of a name is champion and which challenger, who changed it and why."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from auricle.errors import ConflictError, MissingError
from auricle.runtime import clock
from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.registry.models import Alias, alias_digest, model_of
from auricle.store.tables import ALIASES, CHANGES

__all__ = ["Aliases", "Change"]

Kind = Literal["promotion", "rollback"]


@dataclass(frozen=True, slots=True)
class Change:
    """That an alias came to mean another bundle.

    Parameters
    ----------
    alias : champion or challenger
    kind : promotion or rollback
    before, after : digests; None for none
    time : when
    who, why : who changed it and what for
    """

    alias: Alias
    kind: Kind
    before: str | None
    after: str | None
    time: datetime
    who: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """Return the change as the command line and the server print it."""
        return asdict(self) | {"time": self.time.isoformat(timespec="seconds")}


class Aliases:
    """Champions and challengers, by the name that a model's versions share.

    A change names what the caller saw before: of two who decide at once, one wins and the other is told.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def digest(self, name: str, alias: Alias = "champion") -> str | None:
        """Return the digest of the bundle that an alias means; None where it means nothing yet."""
        with self._database.read() as connection:
            return alias_digest(connection, storable(name), alias)

    def set_challenger(self, name: str, digest: str, *, expected: str | None, who: str = "", why: str = "") -> Change:
        """Make a bundle the challenger.

        Parameters
        ----------
        digest : of the bundle
        expected : of what the caller saw as challenger; None for none

        Raises
        ------
        ConflictError : somebody else changed it first
        MissingError : there is no bundle of this digest and name
        StoreError : the database cannot be written
        """
        with self._changing(name) as connection:
            return _point(connection, storable(name), "challenger", digest, expected=expected, who=who, why=why)

    def promote(self, name: str, digest: str, *, expected: str | None, who: str = "", why: str = "") -> Change:
        """Make a bundle the champion; where it was the challenger, there is none any more.

        Parameters and errors are those of :meth:`set_challenger`.
        """
        name = storable(name)
        with self._changing(name) as connection:
            change = _point(connection, name, "champion", digest, expected=expected, who=who, why=why)
            if alias_digest(connection, name, "challenger") == digest:
                _point(connection, name, "challenger", None, expected=digest, who=who, why="it is the champion now")
        return change

    def rollback(self, name: str, *, who: str = "", why: str = "") -> Change:
        """Make the champion what it was before its last promotion; asked again, before the one before that.

        Raises
        ------
        MissingError : there was none before
        StoreError : the database cannot be written
        """
        name = storable(name)
        with self._changing(name) as connection:
            before = _before([change for change in _changes(connection, name) if change.alias == "champion"])
            if before is None:
                raise MissingError(f"{name!r} must have had another champion to go back to. It has not.")
            found = alias_digest(connection, name, "champion")
            return _point(connection, name, "champion", before, expected=found, who=who, why=why, kind="rollback")

    def changes(self, name: str) -> tuple[Change, ...]:
        """Return every change of a name's aliases, the oldest first."""
        with self._database.read() as connection:
            return _changes(connection, storable(name))

    @contextmanager
    def _changing(self, name: str) -> Iterator[sa.Connection]:
        with self._database.write() as connection:
            self._database.lock_name(connection, f"aliases of {name}")
            yield connection


def _before(changes: Sequence[Change]) -> str | None:
    """Return the champion before the last promotion that was not rolled back."""
    trail: list[str | None] = []
    for change in changes:
        if change.kind == "promotion":
            trail.append(change.before)
        else:
            trail.pop()
    return trail[-1] if trail else None


def _point(
    connection: sa.Connection,
    name: str,
    alias: Alias,
    digest: str | None,
    *,
    expected: str | None,
    who: str,
    why: str,
    kind: Kind = "promotion",
) -> Change:
    found = alias_digest(connection, name, alias)
    if found != expected:
        raise ConflictError(
            f"{name}'s {alias} must still be {_short(expected)}. Somebody made it {_short(found)} meanwhile: "
            "look at what it is now, and decide again."
        )
    if digest is not None and model_of(connection, digest).name != name:
        raise MissingError(f"There is no model {name!r} of the digest {_short(digest)}.")
    connection.execute(sa.delete(ALIASES).where(ALIASES.c.name == name, ALIASES.c.alias == alias))
    if digest is not None:
        connection.execute(sa.insert(ALIASES).values(name=name, alias=alias, digest=digest))
    change = Change(alias, kind, before=found, after=digest, time=clock.now(), who=storable(who), why=storable(why))
    row = asdict(change) | {"name": name, "time_us": clock.to_us(change.time)}
    connection.execute(sa.insert(CHANGES).values({key: row[key] for key in row if key != "time"}))
    return change


def _changes(connection: sa.Connection, name: str) -> tuple[Change, ...]:
    wanted = sa.select(CHANGES).where(CHANGES.c.name == name).order_by(CHANGES.c.seq)
    return tuple(
        Change(
            row.alias,
            row.kind,
            before=row.before,
            after=row.after,
            time=clock.from_us(row.time_us),
            who=row.who,
            why=row.why,
        )
        for row in connection.execute(wanted)
    )


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:12]
