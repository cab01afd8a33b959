"""How long and how much is kept: the oldest goes first, its sound before what was answered to it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from auricle import clock
from auricle.store import blobs
from auricle.store.database import Database
from auricle.store.tables import BLOBS, BUNDLES, PREDICTIONS

__all__ = ["Keep", "Swept", "size_bytes", "sweep"]

_AT_ONCE: Final = 500  # entries a transaction, so that writers get in between


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept; None for all of it.

    Parameters
    ----------
    age_s : entries asked for longer ago are erased
    size_bytes : most that entries and sounds may weigh; the database's file is about a tenth larger
    """

    age_s: float | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """What was erased.

    Parameters
    ----------
    n_entries : with what was said of them, and their sound
    n_sounds : of entries that stay
    """

    n_entries: int = 0
    n_sounds: int = 0


def sweep(database: Database, keep: Keep) -> Swept:
    """Erase what is not to be kept; no tombstone stays, since nobody asked for one entry in particular.

    Raises
    ------
    StoreError : the database cannot be written; what was erased until then stays erased
    """
    n_entries = n_sounds = 0
    if keep.age_s is not None:
        oldest = PREDICTIONS.c.time_us < clock.to_us(clock.now() - timedelta(seconds=keep.age_s))
        while n := _erase(database, oldest):
            n_entries += n
    if keep.size_bytes is not None:
        while size_bytes(database) > keep.size_bytes and (n := _mute(database)):
            n_sounds += n
        while size_bytes(database) > keep.size_bytes and (n := _erase(database, sa.true())):
            n_entries += n
    if n_entries or n_sounds:
        database.shrink()
        database.forget()
    return Swept(n_entries, n_sounds)


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


def _erase(database: Database, which: sa.ColumnElement[bool]) -> int:
    """Erase the oldest few of some entries, and return how many they were."""
    wanted = sa.select(PREDICTIONS.c.seq, PREDICTIONS.c.audio).where(which).order_by(PREDICTIONS.c.seq).limit(_AT_ONCE)
    with database.write() as connection:
        rows = connection.execute(wanted).all()
        connection.execute(sa.delete(PREDICTIONS).where(PREDICTIONS.c.seq.in_([row.seq for row in rows])))
        blobs.drop_unused(database, connection, [row.audio for row in rows])
    return len(rows)


def _mute(database: Database) -> int:
    """Erase the oldest few sounds, and return how many entries lost theirs."""
    columns = PREDICTIONS.c
    wanted = sa.select(columns.audio).where(columns.audio.is_not(None)).order_by(columns.seq).limit(_AT_ONCE // 10)
    with database.write() as connection:
        digests = set(connection.execute(wanted).scalars())
        muted = connection.execute(sa.update(PREDICTIONS).where(columns.audio.in_(digests)).values(audio=None))
        blobs.drop_unused(database, connection, digests)
    return muted.rowcount
