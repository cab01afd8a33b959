"""Idempotency keys: a request that a client sends twice is answered once."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from auricle.errors import ConflictError, UsageError
from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.tables import CLAIMS

__all__ = ["ABANDONED_S", "EXPIRES_S", "Claim", "IdempotencyKeys", "complete_claim"]

EXPIRES_S: Final = 24 * 3600.0
ABANDONED_S: Final = 60.0
"""How long a claim without an answer is waited for: the process that held it may be gone."""


@dataclass(frozen=True, slots=True)
class Claim:
    """That one request of a client is being answered.

    Parameters
    ----------
    key : id of the API key
    token : what the client sent as ``Idempotency-Key``
    digest : SHA-256 of all that the request says
    entry : the prediction that it became; None while it is being answered
    """

    key: str
    token: str
    digest: str
    entry: str | None = None


class IdempotencyKeys:
    """The idempotency keys that the processes of a service hold together, each for 24 hours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, key: str, token: str, digest: str) -> Claim:
        """Claim a request, or learn which prediction it became when it was sent before.

        Parameters
        ----------
        key : id of the API key
        token : what the client sent as ``Idempotency-Key``
        digest : SHA-256 of all that the request says

        Returns
        -------
        a claim without an entry, to be given to the writer with the answer; or with one, which is the answer

        Raises
        ------
        UsageError : the same token came with another body
        ConflictError : the first request is being answered just now
        StoreError : the database cannot be written
        """
        mine = Claim(storable(key), storable(token), digest)
        place = sa.and_(CLAIMS.c.key == mine.key, CLAIMS.c.token == mine.token)
        with self._database.write(durable=False) as connection:
            present = self._database.now_us(connection)
            connection.execute(sa.delete(CLAIMS).where(place, _is_over(present)))
            values = {"key": mine.key, "token": mine.token, "digest": mine.digest, "time_us": present}
            insertion = self._database.insert(CLAIMS).values(**values).on_conflict_do_nothing()
            if connection.execute(insertion.returning(CLAIMS.c.token)).first():
                return mine
            row = connection.execute(sa.select(CLAIMS.c.digest, CLAIMS.c.entry).where(place)).one_or_none()
        if row is None or (row.entry is None and row.digest == mine.digest):
            raise ConflictError("A request with this `Idempotency-Key` is being answered. Ask again in a moment.")
        if row.digest != mine.digest:
            raise UsageError("An `Idempotency-Key` must stand for one request. It came before with another body.")
        return Claim(mine.key, mine.token, mine.digest, row.entry)

    def release(self, claim: Claim) -> None:
        """Give up a claim that was not answered, so that the client may try again at once."""
        with self._database.write(durable=False) as connection:
            connection.execute(sa.delete(CLAIMS).where(_place(claim), CLAIMS.c.entry.is_(None)))

    def sweep(self) -> int:
        """Forget the claims that are over, and return how many they were."""
        with self._database.write(durable=False) as connection:
            present = self._database.now_us(connection)
            return connection.execute(sa.delete(CLAIMS).where(_is_over(present))).rowcount


def complete_claim(connection: sa.Connection, claim: Claim, entry: str) -> None:
    """Say, within the transaction that adds it, which prediction a claimed request became.

    Raises
    ------
    ConflictError : it became another one meanwhile: this claim was taken for abandoned
    """
    unsettled = sa.update(CLAIMS).where(_place(claim), CLAIMS.c.entry.is_(None))
    if connection.execute(unsettled.values(entry=entry)).rowcount != 1:
        raise ConflictError("The request took so long that another process answered it. Ask again for its answer.")


def _place(claim: Claim) -> sa.ColumnElement[bool]:
    return sa.and_(CLAIMS.c.key == claim.key, CLAIMS.c.token == claim.token, CLAIMS.c.digest == claim.digest)


def _is_over(present: int) -> sa.ColumnElement[bool]:
    """Whether a claim is past: also when the clock has jumped back over the time at which it was made."""
    age_us = sa.func.abs(present - CLAIMS.c.time_us)
    return sa.or_(age_us > int(EXPIRES_S * 1e6), sa.and_(CLAIMS.c.entry.is_(None), age_us > int(ABANDONED_S * 1e6)))
