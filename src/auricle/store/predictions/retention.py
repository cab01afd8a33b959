"""How long and how much is kept: the oldest goes first, its sound before what was answered to it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa

from auricle.runtime import clock
from auricle.store import blobs
from auricle.store.database import Database
from auricle.store.tables import BLOBS, BUNDLES, PREDICTIONS

__all__ = ["RetentionPolicy", "SweepResult", "size_bytes", "sweep"]

_BATCH_ENTRIES: Final = 500  # entries a transaction, so that writers get in between


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """What is kept; None for all of it.

    Parameters
    ----------
    age_s : entries asked for longer ago are erased
    size_bytes : most that entries and sounds may weigh; the database's file is about a tenth larger
    """

    age_s: float | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What was erased.

    Parameters
    ----------
    n_entries : with what was said of them, and their sound
    n_sounds : of entries that stay
    """

    n_entries: int = 0
    n_sounds: int = 0


def sweep(database: Database, keep: RetentionPolicy) -> SweepResult:
    """Erase what is not to be kept; no tombstone stays, since nobody asked for one entry in particular.

    Raises
    ------
    StoreError : the database cannot be written; what was erased until then stays erased
    """
    n_entries = n_sounds = 0
    if keep.age_s is not None:
        oldest = PREDICTIONS.c.time_us < clock.to_us(clock.now() - timedelta(seconds=keep.age_s))
        while (gone := _erase(database, oldest)).n:
            n_entries += gone.n
    if keep.size_bytes is not None:
        excess = size_bytes(database) - keep.size_bytes
        while excess > 0 and (gone := _mute(database)).n:
            n_sounds, excess = n_sounds + gone.n, excess - gone.n_bytes
        while excess > 0 and (gone := _erase(database, sa.true())).n:
            n_entries, excess = n_entries + gone.n, excess - gone.n_bytes
    if n_entries or n_sounds:
        database.vacuum()
        database.truncate_log()
    return SweepResult(n_entries, n_sounds)


def size_bytes(database: Database) -> int:
    """Return what the entries and the kept sounds weigh; models, which are never swept, do not count.

    Raises
    ------
    StoreError : the database cannot be read
    """
    is_sound = ~sa.exists().where(BUNDLES.c.digest == BLOBS.c.digest)
    entries = sa.select(sa.func.coalesce(sa.func.sum(PREDICTIONS.c.n_bytes), 0))
    sounds = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(BLOBS.c.content)), 0)).where(is_sound)
    with database.read() as connection:
        return int(connection.execute(entries).scalar_one()) + int(connection.execute(sounds).scalar_one())


class _Gone(NamedTuple):
    n: int
    n_bytes: int


def _erase(database: Database, which: sa.ColumnElement[bool]) -> _Gone:
    """Erase the oldest few of some entries."""
    columns = PREDICTIONS.c
    wanted = sa.select(columns.seq, columns.audio, columns.n_bytes).where(which).order_by(columns.seq).limit(_BATCH_ENTRIES)
    with database.write() as connection:
        rows = connection.execute(wanted).all()
        connection.execute(sa.delete(PREDICTIONS).where(columns.seq.in_([row.seq for row in rows])))
        n_bytes = blobs.delete_unused(database, connection, [row.audio for row in rows])
    return _Gone(len(rows), n_bytes + sum(row.n_bytes for row in rows))


def _mute(database: Database) -> _Gone:
    """Erase the oldest few sounds; of how many entries, is told."""
    columns = PREDICTIONS.c
    wanted = sa.select(columns.audio).where(columns.audio.is_not(None)).order_by(columns.seq).limit(_BATCH_ENTRIES // 10)
    with database.write() as connection:
        digests = set(connection.execute(wanted).scalars())
        muted = connection.execute(sa.update(PREDICTIONS).where(columns.audio.in_(digests)).values(audio=None))
        return _Gone(muted.rowcount, blobs.delete_unused(database, connection, digests))
