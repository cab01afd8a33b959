"""Leases: mutual exclusion between processes for checks, retraining and retention."""

import secrets
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.tables import LEASES

__all__ = ["LEASE_S", "Lease", "Leases"]

LEASE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The exclusive right of one process to a named job, until it expires.

    Parameters
    ----------
    name : str
        The job.
    token : str
        Secret of the holder.
    holder : str
        Description of the holder, for people.
    for_s : float
        Seconds until the lease expires unless it is renewed.
    """

    name: str
    token: str
    holder: str
    for_s: float


class Leases:
    """The table of leases; the lease of a process that died expires."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, name: str, *, holder: str = "", for_s: float = LEASE_S) -> Lease | None:
        """Take a lease; None while another process holds it.

        A lease taken further in the future than its duration predates a backward jump of the clock: it has expired.

        Raises
        ------
        StoreError : the database cannot be written
        """
        lease = Lease(storable(name), secrets.token_hex(16), storable(holder), for_s)
        with self._database.write() as connection:
            now_us = self._database.now_us(connection)
            values = self._values(lease, now_us)
            duration_us = LEASES.c.until_us - LEASES.c.taken_us
            is_expired = sa.or_(LEASES.c.until_us <= now_us, LEASES.c.taken_us > now_us + duration_us)
            insertion = self._database.insert(LEASES).values(name=lease.name, **values)
            upsert = insertion.on_conflict_do_update(index_elements=[LEASES.c.name], set_=values, where=is_expired)
            return lease if connection.execute(upsert.returning(LEASES.c.token)).first() else None

    def renew(self, lease: Lease) -> bool:
        """Renew a lease for its full duration from now; False if another process has taken it.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write() as connection:
            values = self._values(lease, self._database.now_us(connection))
            return bool(connection.execute(sa.update(LEASES).where(_matches(lease)).values(**values)).rowcount)

    def release(self, lease: Lease) -> None:
        """Release a lease, unless another process has taken it.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write() as connection:
            connection.execute(sa.delete(LEASES).where(_matches(lease)))

    def holder(self, name: str) -> str | None:
        """Return the holder of a lease; None if it is free.

        Raises
        ------
        StoreError : the database cannot be read
        """
        with self._database.read() as connection:
            now_us = self._database.now_us(connection)
            query = sa.select(LEASES.c.holder).where(LEASES.c.name == storable(name), LEASES.c.until_us > now_us)
            return connection.execute(query).scalar_one_or_none()

    @staticmethod
    def _values(lease: Lease, now_us: int) -> dict[str, str | int]:
        until_us = now_us + int(lease.for_s * 1e6)
        return {"token": lease.token, "holder": lease.holder, "taken_us": now_us, "until_us": until_us}


def _matches(lease: Lease) -> sa.ColumnElement[bool]:
    return sa.and_(LEASES.c.name == lease.name, LEASES.c.token == lease.token)
