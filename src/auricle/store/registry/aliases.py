"""Champion and challenger of each model name: promote, roll back, and the history of changes."""

from collections.abc import Callable, Iterator, Sequence
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
    """One change of an alias.

    Parameters
    ----------
    alias : {"champion", "challenger"}
    kind : {"promotion", "rollback"}
    before, after : str or None
        Digests of the bundles; None for no bundle.
    time : datetime
    who, why : str
        Author and reason.
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
    """The tables of aliases and of their changes.

    A change names the bundle that the caller expects to replace: of two concurrent changes, one fails with a conflict.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def digest(self, name: str, alias: Alias = "champion") -> str | None:
        """Return the digest of an alias's bundle; None if the alias is not set."""
        with self._database.read() as connection:
            return alias_digest(connection, storable(name), alias)

    def set_challenger(self, name: str, digest: str, *, expected: str | None, who: str = "", why: str = "") -> Change:
        """Make a bundle the challenger.

        Parameters
        ----------
        digest : str
            The new challenger.
        expected : str or None
            Digest of the challenger that the caller saw; None for none.

        Raises
        ------
        ConflictError : the challenger is no longer the expected one
        MissingError : there is no bundle of this digest and name
        StoreError : the database cannot be written
        """
        with self._locked(name) as connection:
            return _set_alias(connection, storable(name), "challenger", digest, expected=expected, who=who, why=why)

    def promote(
        self,
        name: str,
        digest: str,
        *,
        expected: str | None,
        who: str = "",
        why: str = "",
        record: Callable[[sa.Connection], None] | None = None,
    ) -> Change:
        """Make a bundle the champion; a promoted challenger stops being challenger.

        Further parameters and errors are those of :meth:`set_challenger`.

        Parameters
        ----------
        record : callable, optional
            Writes more in the same transaction.
        """
        name = storable(name)
        with self._locked(name) as connection:
            change = _set_alias(connection, name, "champion", digest, expected=expected, who=who, why=why)
            if alias_digest(connection, name, "challenger") == digest:
                _set_alias(connection, name, "challenger", None, expected=digest, who=who, why="it is the champion now")
            if record is not None:
                record(connection)
        return change

    def rollback(self, name: str, *, expected: str | None = None, who: str = "", why: str = "") -> Change:
        """Restore the champion before the last promotion; repeated calls go back step by step.

        Parameters
        ----------
        expected : str or None
            Digest of the champion that the caller saw; None for whichever there is.

        Raises
        ------
        ConflictError : the champion is no longer the expected one
        MissingError : there was no earlier champion
        StoreError : the database cannot be written
        """
        name = storable(name)
        with self._locked(name) as connection:
            before = _previous([change for change in _changes(connection, name) if change.alias == "champion"])
            if before is None:
                raise MissingError(f"{name!r} must have had another champion to go back to. It has not.")
            current = alias_digest(connection, name, "champion")
            expected = expected or current
            return _set_alias(
                connection, name, "champion", before, expected=expected, who=who, why=why, kind="rollback"
            )

    def changes(self, name: str) -> tuple[Change, ...]:
        """Return every change of a name's aliases, oldest first."""
        with self._database.read() as connection:
            return _changes(connection, storable(name))

    @contextmanager
    def _locked(self, name: str) -> Iterator[sa.Connection]:
        with self._database.write() as connection:
            self._database.lock_name(connection, f"aliases of {name}")
            yield connection


def _previous(changes: Sequence[Change]) -> str | None:
    """Return the champion before the last promotion that was not rolled back."""
    stack: list[str | None] = []
    for change in changes:
        if change.kind == "promotion":
            stack.append(change.before)
        else:
            stack.pop()
    return stack[-1] if stack else None


def _set_alias(
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
    current = alias_digest(connection, name, alias)
    if current != expected:
        raise ConflictError(
            f"{name}'s {alias} must still be {_short(expected)}. It was changed to {_short(current)} meanwhile: "
            "check the current one and decide again."
        )
    if digest is not None and model_of(connection, digest).name != name:
        raise MissingError(f"There is no model {name!r} of the digest {_short(digest)}.")
    connection.execute(sa.delete(ALIASES).where(ALIASES.c.name == name, ALIASES.c.alias == alias))
    if digest is not None:
        connection.execute(sa.insert(ALIASES).values(name=name, alias=alias, digest=digest))
    change = Change(alias, kind, before=current, after=digest, time=clock.now(), who=storable(who), why=storable(why))
    row = asdict(change) | {"name": name, "time_us": clock.to_us(change.time)}
    connection.execute(sa.insert(CHANGES).values({key: row[key] for key in row if key != "time"}))
    return change


def _changes(connection: sa.Connection, name: str) -> tuple[Change, ...]:
    query = sa.select(CHANGES).where(CHANGES.c.name == name).order_by(CHANGES.c.seq)
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
        for row in connection.execute(query)
    )


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:12]
