"""How much somebody may ask, counted over all the processes of a service: rates, and streams that are open."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.tables import BUCKETS, SESSIONS

__all__ = ["STALE_S", "SharedLimits"]

STALE_S: Final = 30.0
"""How long a session counts without being seen: the process that held it may be gone."""


class SharedLimits:
    """Token buckets and sessions that several processes hold together.

    None of it outlives a power cut, so that none of it waits for the disk.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def draw(self, name: str, wanted: int, *, rate_per_s: float, burst: float) -> int:
        """Take tokens out of a bucket that fills at a rate, and return how many there were: from 0 to ``wanted``.

        A server draws a few at a time and spends them by itself, so that not every request writes to the store. Where
        the clock jumps back, nothing is filled up for that stretch, and nothing is taken away.

        Parameters
        ----------
        name : whose bucket
        rate_per_s : tokens that it gains
        burst : most tokens that it holds, at first too

        Raises
        ------
        StoreError : the database cannot be written
        """
        name = storable(name)
        with self._database.write(durable=False) as connection:
            present = self._database.now_us(connection)
            full = self._database.insert(BUCKETS).values(name=name, tokens=burst, time_us=present)
            connection.execute(full.on_conflict_do_nothing())
            place = BUCKETS.c.name == name
            row = connection.execute(sa.select(BUCKETS).where(place).with_for_update()).one()
            gained = max(0, present - row.time_us) / 1e6 * rate_per_s
            tokens = min(burst, row.tokens + gained)
            given = max(0, min(wanted, int(tokens)))
            connection.execute(sa.update(BUCKETS).where(place).values(tokens=tokens - given, time_us=present))
            return given

    def open_session(self, identity: str, key: str, *, max_sessions: int, max_per_key: int) -> bool:
        """Count a stream in, unless there are too many already, of all or of its key.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write(durable=False) as connection:
            self._database.lock_name(connection, "sessions")
            present = self._database.now_us(connection)
            connection.execute(sa.delete(SESSIONS).where(sa.func.abs(present - SESSIONS.c.seen_us) > STALE_S * 1e6))
            count = sa.select(sa.func.count()).select_from(SESSIONS)
            n_all = connection.execute(count).scalar_one()
            n_of_key = connection.execute(count.where(SESSIONS.c.key == storable(key))).scalar_one()
            if n_all >= max_sessions or n_of_key >= max_per_key:
                return False
            connection.execute(sa.insert(SESSIONS).values(id=identity, key=storable(key), seen_us=present))
            return True

    def refresh_sessions(self, identities: Collection[str]) -> None:
        """Say that streams are still open: at least every third of ``STALE_S``, for all of a process at once.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write(durable=False) as connection:
            present = self._database.now_us(connection)
            connection.execute(sa.update(SESSIONS).where(SESSIONS.c.id.in_(identities)).values(seen_us=present))

    def close_session(self, identity: str) -> None:
        """Count a stream out.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write(durable=False) as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.id == identity))

    def sweep(self) -> None:
        """Forget buckets that nobody has drawn from for a day: they are full.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write(durable=False) as connection:
            day_ago = self._database.now_us(connection) - 86_400 * 10**6
            connection.execute(sa.delete(BUCKETS).where(BUCKETS.c.time_us < day_ago))
