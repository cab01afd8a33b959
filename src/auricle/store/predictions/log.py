"""The log of predictions: added to in one transaction, read by page, erased by id."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from auricle.errors import ConflictError, MissingError
from auricle.records import Entry
from auricle.runtime import clock
from auricle.store import blobs
from auricle.store.database import Database
from auricle.store.predictions.encoding import from_row, storable, to_row
from auricle.store.predictions.filters import Filter, from_cursor, to_cursor
from auricle.store.tables import PREDICTIONS, TOMBSTONES

__all__ = ["MAX_PAGE_ENTRIES", "Page", "add", "add_missing", "delete", "entries", "entry", "sound"]

MAX_PAGE_ENTRIES = 1000


_NO_ROWS = (sa.literal(b"", sa.LargeBinary).label("rows"), sa.literal(0).label("n_rows"))
_TOLD = (*(column for column in PREDICTIONS.c if column.name not in ("rows", "n_rows")), *_NO_ROWS)


class Page(NamedTuple):
    """Some entries, the newest first, without their rows, and where the next page begins; None where there is none."""

    entries: tuple[Entry, ...]
    cursor: str | None


def add(database: Database, entries: Iterable[Entry]) -> None:
    """Add entries in one transaction: all of them, or none.

    Raises
    ------
    ConflictError : an id is there already
    StoreError : the database cannot be written
    """
    rows = [to_row(entry) for entry in entries]
    if rows:
        try:
            with database.write() as connection:
                connection.execute(sa.insert(PREDICTIONS), rows)
        except IntegrityError as error:
            raise ConflictError("Every entry must have an id of its own. One is in the store already.") from error


def add_missing(database: Database, entries: Iterable[Entry]) -> None:
    """Add those entries whose ids are not there, and were not deleted, in one transaction.

    Raises
    ------
    StoreError : the database cannot be written
    """
    rows = {entry.id: to_row(entry) for entry in entries}
    with database.write() as connection:
        for table in (PREDICTIONS, TOMBSTONES):
            for known in connection.execute(sa.select(table.c.id).where(table.c.id.in_(list(rows)))).scalars().all():
                del rows[known]
        if rows:
            connection.execute(sa.insert(PREDICTIONS), list(rows.values()))


def entry(database: Database, identity: str) -> Entry:
    """Return one entry.

    Raises
    ------
    MissingError : there is none of this id, or it was deleted
    StoreError : the database cannot be read
    """
    with database.read() as connection:
        row = connection.execute(sa.select(PREDICTIONS).where(PREDICTIONS.c.id == storable(identity))).one_or_none()
        if row is None:
            raise _missing(connection, identity)
        return from_row(row)


def entries(database: Database, which: Filter, *, cursor: str | None = None, limit: int = 100) -> Page:
    """Return a page of entries, the newest first: in the order in which they were added, whatever clocks said.

    The rows that the models ate, which weigh more than all else together, are left out.

    Raises
    ------
    UsageError : the cursor is not one of ours
    StoreError : the database cannot be read
    """
    clauses = which.clauses()
    if cursor is not None:
        clauses.append(PREDICTIONS.c.seq < from_cursor(cursor))
    limit = min(max(limit, 1), MAX_PAGE_ENTRIES)
    wanted = sa.select(*_TOLD).where(*clauses).order_by(PREDICTIONS.c.seq.desc()).limit(limit + 1)
    with database.read() as connection:
        rows: Sequence[sa.Row[tuple[object, ...]]] = connection.execute(wanted).all()
    following = to_cursor(rows[limit - 1].seq) if len(rows) > limit else None
    return Page(tuple(from_row(row) for row in rows[:limit]), following)


def sound(database: Database, identity: str) -> bytes:
    """Return the FLAC that was kept of an entry.

    Raises
    ------
    MissingError : there is no such entry, or its sound was not kept
    StoreError : the database cannot be read
    """
    with database.read() as connection:
        wanted = sa.select(PREDICTIONS.c.audio).where(PREDICTIONS.c.id == storable(identity))
        row = connection.execute(wanted).one_or_none()
        if row is None:
            raise _missing(connection, identity)
        content = None if row.audio is None else blobs.get(connection, row.audio)
    if content is None:
        raise MissingError(f"The sound of prediction {identity} was not kept.")
    return content


def delete(database: Database, identity: str, *, who: str) -> None:
    """Erase an entry, what was said of it, and its sound unless another entry has the same; a tombstone stays.

    Raises
    ------
    MissingError : there is no such entry
    StoreError : the database cannot be written
    """
    place = PREDICTIONS.c.id == storable(identity)
    with database.write() as connection:
        row = connection.execute(sa.select(PREDICTIONS.c.audio).where(place)).one_or_none()
        if row is None:
            raise _missing(connection, identity)
        connection.execute(sa.delete(PREDICTIONS).where(place))
        blobs.delete_unused(database, connection, [row.audio])
        stone = {"id": storable(identity), "time_us": clock.to_us(clock.now()), "who": storable(who)}
        connection.execute(sa.insert(TOMBSTONES).values(**stone))
    database.truncate_log()


def _missing(connection: sa.Connection, identity: str) -> MissingError:
    what = "was deleted" if _has_tombstone(connection, identity) else "is not in the store"
    return MissingError(f"Prediction {identity[:80]!r} {what}.")


def _has_tombstone(connection: sa.Connection, identity: str) -> bool:
    found = connection.execute(sa.select(TOMBSTONES.c.id).where(TOMBSTONES.c.id == storable(identity)))
    return found.one_or_none() is not None
