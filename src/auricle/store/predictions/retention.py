"""Retention: which predictions and sounds the server deletes, by age and size; oldest sounds first."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa

from auricle.runtime import clock
from auricle.store import blobs
from auricle.store.database import Database
from auricle.store.tables import BLOBS, BUNDLES, PREDICTIONS

__all__ = ["RetentionPolicy", "SweepResult", "size_bytes", "sweep"]

_BATCH_ENTRIES: Final = 500  # per transaction; writers get in between


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Limits of the log; None means no limit.

    Parameters
    ----------
    age_s : float or None
        Entries older than this are deleted, in seconds.
    size_bytes : int or None
        Most bytes of entries and sounds; the database file is about a tenth larger.
    """

    age_s: float | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Counts of what a sweep deleted.

    Parameters
    ----------
    n_entries : int
        Entries, with their feedback and sounds.
    n_sounds : int
        Sounds of entries that stay.
    """

    n_entries: int = 0
    n_sounds: int = 0


def sweep(database: Database, policy: RetentionPolicy) -> SweepResult:
    """Delete entries and sounds beyond the policy's limits, without tombstones.

    Raises
    ------
    StoreError : the database cannot be written; batches deleted before the error stay deleted
    """
    n_entries = n_sounds = 0
    if policy.age_s is not None:
        is_expired = PREDICTIONS.c.time_us < clock.to_us(clock.now() - timedelta(seconds=policy.age_s))
        while (deleted := _delete_entries(database, is_expired)).n:
            n_entries += deleted.n
    if policy.size_bytes is not None:
        excess = size_bytes(database) - policy.size_bytes
        while excess > 0 and (deleted := _delete_sounds(database)).n:
            n_sounds, excess = n_sounds + deleted.n, excess - deleted.n_bytes
        while excess > 0 and (deleted := _delete_entries(database, sa.true())).n:
            n_entries, excess = n_entries + deleted.n, excess - deleted.n_bytes
    if n_entries or n_sounds:
        database.vacuum()
        database.truncate_log()
    return SweepResult(n_entries, n_sounds)


def size_bytes(database: Database) -> int:
    """Return the size of entries and sounds in bytes; models do not count.

    Raises
    ------
    StoreError : the database cannot be read
    """
    is_sound = ~sa.exists().where(BUNDLES.c.digest == BLOBS.c.digest)
    entries = sa.select(sa.func.coalesce(sa.func.sum(PREDICTIONS.c.n_bytes), 0))
    sounds = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(BLOBS.c.content)), 0)).where(is_sound)
    with database.read() as connection:
        return int(connection.execute(entries).scalar_one()) + int(connection.execute(sounds).scalar_one())


class _Deleted(NamedTuple):
    n: int
    """Entries that were deleted, or that lost their sound."""
    n_bytes: int


def _delete_entries(database: Database, condition: sa.ColumnElement[bool]) -> _Deleted:
    """Delete one batch of the oldest entries that fulfil a condition."""
    columns = PREDICTIONS.c
    query = sa.select(columns.seq, columns.audio, columns.n_bytes).where(condition).order_by(columns.seq)
    with database.write() as connection:
        rows = connection.execute(query.limit(_BATCH_ENTRIES)).all()
        connection.execute(sa.delete(PREDICTIONS).where(columns.seq.in_([row.seq for row in rows])))
        n_bytes = blobs.delete_unused(database, connection, [row.audio for row in rows])
    return _Deleted(len(rows), n_bytes + sum(row.n_bytes for row in rows))


def _delete_sounds(database: Database) -> _Deleted:
    """Delete one batch of the oldest sounds."""
    columns = PREDICTIONS.c
    query = sa.select(columns.audio).where(columns.audio.is_not(None)).order_by(columns.seq).limit(_BATCH_ENTRIES // 10)
    with database.write() as connection:
        digests = set(connection.execute(query).scalars())
        update = connection.execute(sa.update(PREDICTIONS).where(columns.audio.in_(digests)).values(audio=None))
        return _Deleted(update.rowcount, blobs.delete_unused(database, connection, digests))
