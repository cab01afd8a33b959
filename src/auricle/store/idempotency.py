"""Idempotency keys: a request that a client sends twice becomes one prediction."""

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
"""Age at which a claim without a prediction is free again: its process may have died."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of one process on one request of a client.

    Parameters
    ----------
    key : str
        Id of the API key.
    token : str
        The client's ``Idempotency-Key``.
    digest : str
        SHA-256 of the whole request.
    entry : str or None
        Id of the resulting prediction; None while the request is in progress.
    """

    key: str
    token: str
    digest: str
    entry: str | None = None


class IdempotencyKeys:
    """The idempotency keys of a service, shared by its processes; each is remembered for 24 hours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, key: str, token: str, digest: str) -> Claim:
        """Claim a request, or return the prediction that it became when it was sent before.

        Parameters
        ----------
        key : str
            Id of the API key.
        token : str
            The client's ``Idempotency-Key``.
        digest : str
            SHA-256 of the whole request.

        Returns
        -------
        Claim
            Without an entry, to be passed to the writer with the prediction; or with the id of the earlier prediction.

        Raises
        ------
        UsageError : the same token came with another body
        ConflictError : the first request is still in progress
        StoreError : the database cannot be written
        """
        new = Claim(storable(key), storable(token), digest)
        same_token = sa.and_(CLAIMS.c.key == new.key, CLAIMS.c.token == new.token)
        with self._database.write(durable=False) as connection:
            now_us = self._database.now_us(connection)
            connection.execute(sa.delete(CLAIMS).where(same_token, _is_expired(now_us)))
            values = {"key": new.key, "token": new.token, "digest": new.digest, "time_us": now_us}
            insertion = self._database.insert(CLAIMS).values(**values).on_conflict_do_nothing()
            if connection.execute(insertion.returning(CLAIMS.c.token)).first():
                return new
            row = connection.execute(sa.select(CLAIMS.c.digest, CLAIMS.c.entry).where(same_token)).one_or_none()
        if row is None or (row.entry is None and row.digest == new.digest):
            raise ConflictError("A request with this `Idempotency-Key` is being answered. Ask again in a moment.")
        if row.digest != new.digest:
            raise UsageError("An `Idempotency-Key` must stand for one request. It came before with another body.")
        return Claim(new.key, new.token, new.digest, row.entry)

    def release(self, claim: Claim) -> None:
        """Delete a claim without a prediction, so that the client may try again at once."""
        with self._database.write(durable=False) as connection:
            connection.execute(sa.delete(CLAIMS).where(_matches(claim), CLAIMS.c.entry.is_(None)))

    def sweep(self) -> int:
        """Delete expired claims, and return how many there were."""
        with self._database.write(durable=False) as connection:
            now_us = self._database.now_us(connection)
            return connection.execute(sa.delete(CLAIMS).where(_is_expired(now_us))).rowcount


def complete_claim(connection: sa.Connection, claim: Claim, entry: str) -> None:
    """Record the prediction that a claimed request became, within the transaction that adds it.

    Raises
    ------
    ConflictError : the claim had expired, and another process answered the request
    """
    update = sa.update(CLAIMS).where(_matches(claim), CLAIMS.c.entry.is_(None))
    if connection.execute(update.values(entry=entry)).rowcount != 1:
        raise ConflictError("The request took so long that another process answered it. Ask again for its answer.")


def _matches(claim: Claim) -> sa.ColumnElement[bool]:
    return sa.and_(CLAIMS.c.key == claim.key, CLAIMS.c.token == claim.token, CLAIMS.c.digest == claim.digest)


def _is_expired(now_us: int) -> sa.ColumnElement[bool]:
    """Whether a claim has expired; the absolute age covers a clock that has jumped back."""
    age_us = sa.func.abs(now_us - CLAIMS.c.time_us)
    return sa.or_(age_us > int(EXPIRES_S * 1e6), sa.and_(CLAIMS.c.entry.is_(None), age_us > int(ABANDONED_S * 1e6)))
