"""Add, read, page through and delete entries of the prediction log."""

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

__all__ = ["MAX_PAGE_ENTRIES", "PAGE_COLUMNS", "Page", "add", "add_missing", "delete", "entries", "entry", "sound"]

MAX_PAGE_ENTRIES = 1000


_LEFT_OUT = (
    sa.literal(b"", sa.LargeBinary).label("rows"),
    sa.literal(0).label("n_rows"),
    sa.null().label("parts"),
)
PAGE_COLUMNS = (*(column for column in PREDICTIONS.c if column.name not in ("rows", "n_rows", "parts")), *_LEFT_OUT)
"""The columns of an entry that bound its size: without feature rows, windows and events."""


class Page(NamedTuple):
    """Entries without feature rows, windows and events, newest first, and the next page's cursor; None at the end."""

    entries: tuple[Entry, ...]
    cursor: str | None


def add(database: Database, entries: Iterable[Entry]) -> None:
    """Add all entries in one transaction, or none.

    Raises
    ------
    ConflictError : an id is already stored
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
    """Add the entries whose ids are neither stored nor deleted, in one transaction.

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
    MissingError : the id is unknown or was deleted
    StoreError : the database cannot be read
    """
    with database.read() as connection:
        row = connection.execute(sa.select(PREDICTIONS).where(PREDICTIONS.c.id == storable(identity))).one_or_none()
        if row is None:
            raise _missing(connection, identity)
        return from_row(row)


def entries(database: Database, filters: Filter, *, cursor: str | None = None, limit: int = 100) -> Page:
    """Return a page of entries, newest first by insertion, independent of clocks.

    Feature rows, windows and events, which take more space than all else together, are left out.

    Raises
    ------
    UsageError : the cursor is not one that an earlier page returned
    StoreError : the database cannot be read
    """
    clauses = filters.clauses()
    if cursor is not None:
        clauses.append(PREDICTIONS.c.seq < from_cursor(cursor))
    limit = min(max(limit, 1), MAX_PAGE_ENTRIES)
    query = sa.select(*PAGE_COLUMNS).where(*clauses).order_by(PREDICTIONS.c.seq.desc()).limit(limit + 1)
    with database.read() as connection:
        rows: Sequence[sa.Row[tuple[object, ...]]] = connection.execute(query).all()
    next_cursor = to_cursor(rows[limit - 1].seq) if len(rows) > limit else None
    return Page(tuple(from_row(row) for row in rows[:limit]), next_cursor)


def sound(database: Database, identity: str) -> bytes:
    """Return the stored FLAC of an entry.

    Raises
    ------
    MissingError : there is no such entry, or its sound was not kept
    StoreError : the database cannot be read
    """
    with database.read() as connection:
        query = sa.select(PREDICTIONS.c.audio).where(PREDICTIONS.c.id == storable(identity))
        row = connection.execute(query).one_or_none()
        if row is None:
            raise _missing(connection, identity)
        content = None if row.audio is None else blobs.get(connection, row.audio)
    if content is None:
        raise MissingError(f"The sound of prediction {identity} was not kept.")
    return content


def delete(database: Database, identity: str, *, who: str) -> None:
    """Delete an entry, its feedback, and its sound unless another entry has the same; a tombstone stays.

    Raises
    ------
    MissingError : there is no such entry
    StoreError : the database cannot be written
    """
    has_id = PREDICTIONS.c.id == storable(identity)
    with database.write() as connection:
        row = connection.execute(sa.select(PREDICTIONS.c.audio).where(has_id)).one_or_none()
        if row is None:
            raise _missing(connection, identity)
        connection.execute(sa.delete(PREDICTIONS).where(has_id))
        blobs.delete_unused(database, connection, [row.audio])
        tombstone = {"id": storable(identity), "time_us": clock.to_us(clock.now()), "who": storable(who)}
        connection.execute(sa.insert(TOMBSTONES).values(**tombstone))
    database.truncate_log()


def _missing(connection: sa.Connection, identity: str) -> MissingError:
    query = sa.select(TOMBSTONES.c.id).where(TOMBSTONES.c.id == storable(identity))
    state = "is not in the store" if connection.execute(query).one_or_none() is None else "was deleted"
    return MissingError(f"Prediction {identity[:80]!r} {state}.")
