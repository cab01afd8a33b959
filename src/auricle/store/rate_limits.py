"""Rate limits and open streams, counted over all processes of a service."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.tables import BUCKETS, SESSIONS

__all__ = ["STALE_S", "SharedLimits"]

STALE_S: Final = 30.0
"""Seconds after which a session without a refresh no longer counts: its process may have died."""


class SharedLimits:
    """Token buckets and stream sessions shared by processes.

    Writes do not wait for the disk: none of this has to survive a power cut.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def draw(self, name: str, wanted: int, *, rate_per_s: float, burst: float) -> int:
        """Take up to ``wanted`` tokens out of a bucket, and return how many were taken.

        A server draws a few at a time and spends them locally, so that not every request writes to the store. A clock
        that jumps back neither fills nor empties a bucket.

        Parameters
        ----------
        name : str
            Owner of the bucket.
        wanted : int
        rate_per_s : float
            Refill rate in tokens per second.
        burst : float
            Capacity of the bucket, and its initial content.

        Raises
        ------
        StoreError : the database cannot be written
        """
        name = storable(name)
        with self._database.write(durable=False) as connection:
            now_us = self._database.now_us(connection)
            full = self._database.insert(BUCKETS).values(name=name, tokens=burst, time_us=now_us)
            connection.execute(full.on_conflict_do_nothing())
            has_name = BUCKETS.c.name == name
            row = connection.execute(sa.select(BUCKETS).where(has_name).with_for_update()).one()
            refill = max(0, now_us - row.time_us) / 1e6 * rate_per_s
            tokens = min(burst, row.tokens + refill)
            drawn = max(0, min(wanted, int(tokens)))
            connection.execute(sa.update(BUCKETS).where(has_name).values(tokens=tokens - drawn, time_us=now_us))
            return drawn

    def open_session(self, identity: str, key: str, *, max_sessions: int, max_per_key: int) -> bool:
        """Register a stream, and return False if its key or the service has too many.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write(durable=False) as connection:
            self._database.lock_name(connection, "sessions")
            now_us = self._database.now_us(connection)
            connection.execute(sa.delete(SESSIONS).where(sa.func.abs(now_us - SESSIONS.c.seen_us) > STALE_S * 1e6))
            count = sa.select(sa.func.count()).select_from(SESSIONS)
            n_sessions = connection.execute(count).scalar_one()
            n_of_key = connection.execute(count.where(SESSIONS.c.key == storable(key))).scalar_one()
            if n_sessions >= max_sessions or n_of_key >= max_per_key:
                return False
            connection.execute(sa.insert(SESSIONS).values(id=identity, key=storable(key), seen_us=now_us))
            return True

    def refresh_sessions(self, identities: Collection[str]) -> None:
        """Mark the open streams of a process as alive; call it at least three times per ``STALE_S``.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write(durable=False) as connection:
            now_us = self._database.now_us(connection)
            connection.execute(sa.update(SESSIONS).where(SESSIONS.c.id.in_(identities)).values(seen_us=now_us))

    def close_session(self, identity: str) -> None:
        """Remove a stream.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write(durable=False) as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.id == identity))

    def sweep(self) -> None:
        """Delete buckets unused for a day; a new bucket is as full as they are.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write(durable=False) as connection:
            day_ago_us = self._database.now_us(connection) - 86_400 * 10**6
            connection.execute(sa.delete(BUCKETS).where(BUCKETS.c.time_us < day_ago_us))
