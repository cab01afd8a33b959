"""API keys: scopes, creation, verification, expiry and revocation; the store keeps only a hash of the token."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from auricle.errors import MissingError, UsageError
from auricle.runtime import clock
from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.tables import KEYS

__all__ = ["SCOPES", "Key", "Keys"]

SCOPES: Final = {
    "predict": "send sound and read its prediction",
    "feedback": "label predictions",
    "read": "read every prediction, stored sound and check",
    "train": "start the training of a challenger",
    "promote": "change the champion",
    "admin": "delete predictions",
}
"""Every scope of an API key, and what it allows."""

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, without its secret.

    Parameters
    ----------
    id : str
        Names the key in tokens, log lines and predictions.
    name : str
        Owner or purpose, chosen by the creator.
    scopes : frozenset of str
        Names of ``SCOPES``.
    created : datetime
    expires : datetime or None
        The key is refused from this time on; None for never.
    revoked : datetime or None
        When the key was revoked; None if it was not.
    """

    id: str
    name: str
    scopes: frozenset[str]
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def is_valid(self, when: datetime) -> bool:
        """Whether the key is accepted at a time."""
        return self.revoked is None and (self.expires is None or when < self.expires)

    def as_json(self) -> dict[str, Any]:
        """Return the key as the command line prints it."""
        times = {"created": self.created, "expires": self.expires, "revoked": self.revoked}
        texts = {name: time and time.isoformat(timespec="seconds") for name, time in times.items()}
        return {"id": self.id, "name": self.name, "scopes": sorted(self.scopes)} | texts


class Keys:
    """The table of API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, scopes: Collection[str], *, name: str = "", expires: datetime | None = None) -> tuple[str, Key]:
        """Create a key, and return its token, which cannot be recovered later, and the key.

        Raises
        ------
        UsageError : no scope, an unknown scope, or an end in the past
        StoreError : the database cannot be written
        """
        if unknown := sorted(set(scopes) - SCOPES.keys()):
            raise UsageError(f"A scope must be one of {', '.join(SCOPES)}. Got {unknown[0]!r}.")
        if not scopes:
            raise UsageError(f"A key must have a scope, or it opens nothing. Name some of {', '.join(SCOPES)}.")
        created = clock.now()
        if expires is not None and expires <= created:
            raise UsageError(f"A key's end must lie ahead. Got {expires.isoformat(timespec='seconds')}.")
        identity = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
        token = f"aud_{identity}_{secrets.token_urlsafe(32)}"
        key = Key(identity, storable(name), frozenset(scopes), created=created, expires=expires)
        with self._database.write() as connection:
            connection.execute(sa.insert(KEYS).values(**_to_row(key), digest=_digest(token)))
        return token, key

    def verify(self, token: str) -> Key | None:
        """Return the key of a token; None if the token is wrong, or the key is expired or revoked.

        Raises
        ------
        StoreError : the database cannot be read
        """
        identity = token.split("_", 2)[1] if token.count("_") > 1 else ""
        with self._database.read() as connection:
            row = connection.execute(sa.select(KEYS).where(KEYS.c.id == storable(identity))).one_or_none()
        # Compare for unknown ids too, so that the duration does not reveal which ids exist.
        is_match = hmac.compare_digest(_digest(token), _digest("") if row is None else row.digest)
        if row is None or not is_match:
            return None
        key = _from_row(row)
        return key if key.is_valid(clock.now()) else None

    def all(self) -> tuple[Key, ...]:
        """Return every key, oldest first.

        Raises
        ------
        StoreError : the database cannot be read
        """
        with self._database.read() as connection:
            return tuple(map(_from_row, connection.execute(sa.select(KEYS).order_by(KEYS.c.created_us, KEYS.c.id))))

    def revoke(self, identity: str) -> Key:
        """Revoke a key from now on; an earlier revocation keeps its time.

        Raises
        ------
        MissingError : there is no key of this id
        StoreError : the database cannot be written
        """
        has_id = KEYS.c.id == storable(identity)
        with self._database.write() as connection:
            revoked = sa.func.coalesce(KEYS.c.revoked_us, clock.to_us(clock.now()))
            connection.execute(sa.update(KEYS).where(has_id).values(revoked_us=revoked))
            row = connection.execute(sa.select(KEYS).where(has_id)).one_or_none()
        if row is None:
            raise MissingError(f"There is no key of the id {identity[:80]!r}. `auricle keys list` shows them.")
        return _from_row(row)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()


def _to_row(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": " ".join(sorted(key.scopes)),
        "created_us": clock.to_us(key.created),
        "expires_us": None if key.expires is None else clock.to_us(key.expires),
    }


def _from_row(row: sa.Row[Any]) -> Key:
    expires, revoked = (None if us is None else clock.from_us(us) for us in (row.expires_us, row.revoked_us))
    created = clock.from_us(row.created_us)
    return Key(row.id, row.name, frozenset(row.scopes.split()), created=created, expires=expires, revoked=revoked)
