"""What only one process may do at a time, however many run: checks, retraining, retention."""

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
    """That a process does what the name says, until the time is up or it renews.

    Parameters
    ----------
    name : what is done
    token : proves that it is still this holder's
    holder : who does it, for people to read
    for_s : how long without being renewed
    """

    name: str
    token: str
    holder: str
    for_s: float


class Leases:
    """Leases in the store: a holder that dies loses its lease when the time is up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, name: str, *, holder: str = "", for_s: float = LEASE_S) -> Lease | None:
        """Take a lease; None while somebody else holds it.

        A lease that was taken further ahead than it lasts was taken by a clock that has jumped back since: it is over.

        Raises
        ------
        StoreError : the database cannot be written
        """
        lease = Lease(storable(name), secrets.token_hex(16), storable(holder), for_s)
        with self._database.write() as connection:
            present = self._database.now_us(connection)
            values = self._values(lease, present)
            lasts_us = LEASES.c.until_us - LEASES.c.taken_us
            is_over = sa.or_(LEASES.c.until_us <= present, LEASES.c.taken_us > present + lasts_us)
            insertion = self._database.insert(LEASES).values(name=lease.name, **values)
            taking = insertion.on_conflict_do_update(index_elements=[LEASES.c.name], set_=values, where=is_over)
            return lease if connection.execute(taking.returning(LEASES.c.token)).first() else None

    def renew(self, lease: Lease) -> bool:
        """Hold a lease for as long again from now on; False where somebody else has taken it since.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write() as connection:
            values = self._values(lease, self._database.now_us(connection))
            return bool(connection.execute(sa.update(LEASES).where(_is(lease)).values(**values)).rowcount)

    def release(self, lease: Lease) -> None:
        """Give a lease back, unless somebody else has taken it since.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write() as connection:
            connection.execute(sa.delete(LEASES).where(_is(lease)))

    def holder(self, name: str) -> str | None:
        """Return who holds a lease at present; None for nobody.

        Raises
        ------
        StoreError : the database cannot be read
        """
        with self._database.read() as connection:
            present = self._database.now_us(connection)
            held = sa.select(LEASES.c.holder).where(LEASES.c.name == storable(name), LEASES.c.until_us > present)
            return connection.execute(held).scalar_one_or_none()

    @staticmethod
    def _values(lease: Lease, present: int) -> dict[str, str | int]:
        until = present + int(lease.for_s * 1e6)
        return {"token": lease.token, "holder": lease.holder, "taken_us": present, "until_us": until}


def _is(lease: Lease) -> sa.ColumnElement[bool]:
    return sa.and_(LEASES.c.name == lease.name, LEASES.c.token == lease.token)
