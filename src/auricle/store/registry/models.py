"""The registry: every bundle that was added, by the hash of its bytes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa

from auricle.errors import MissingError
from auricle.runtime import clock
from auricle.store import blobs
from auricle.store.database import Database
from auricle.store.predictions.encoding import plain
from auricle.store.tables import ALIASES, BUNDLES

__all__ = ["ALIAS_NAMES", "Alias", "Model", "Models", "model_of"]

Alias = Literal["champion", "challenger"]
ALIAS_NAMES: Final[tuple[Alias, ...]] = ("champion", "challenger")


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle in the registry.

    Parameters
    ----------
    digest : SHA-256 of the bundle's file
    name : what its versions share
    version : twelve hexadecimal digits, as predictions name it
    task : classify or regress
    classes : of a classifier
    n_bytes : of the file
    added : when
    who, why : who added it and what for
    aliases : what it is at present
    """

    digest: str
    name: str
    version: str
    task: str
    classes: tuple[str, ...]
    n_bytes: int
    added: datetime
    who: str = ""
    why: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Name and version: what predictions say they come from."""
        return f"{self.name}@{self.version}"

    def as_json(self) -> dict[str, Any]:
        """Return the model as the command line and the server print it."""
        return {
            "model": self.id,
            "digest": self.digest,
            "task": self.task,
            "classes": list(self.classes),
            "aliases": list(self.aliases),
            "bytes": self.n_bytes,
            "added": self.added.isoformat(timespec="seconds"),
            "who": self.who,
            "why": self.why,
        }


class Models:
    """The models of a service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        content: bytes,
        *,
        name: str,
        version: str,
        task: str,
        classes: Sequence[str] = (),
        who: str = "",
        why: str = "",
    ) -> Model:
        """Keep a bundle, once however often it is added, and return it.

        Parameters
        ----------
        content : the bundle's file
        name, version, task, classes : as its manifest has them

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write() as connection:
            digest = blobs.put(self._database, connection, content)
            values = {
                "digest": digest,
                "name": plain(name),
                "version": version,
                "task": task,
                "classes": json.dumps(list(classes)),
                "n_bytes": len(content),
                "time_us": clock.to_us(clock.now()),
                "who": plain(who),
                "why": plain(why),
            }
            connection.execute(self._database.insert(BUNDLES).values(**values).on_conflict_do_nothing())
            return model_of(connection, digest)

    def all(self, name: str | None = None) -> tuple[Model, ...]:
        """Return every model, or those of a name, the newest first."""
        wanted = sa.select(BUNDLES).order_by(BUNDLES.c.seq.desc())
        if name is not None:
            wanted = wanted.where(BUNDLES.c.name == plain(name))
        with self._database.read() as connection:
            aliases = _aliases(connection)
            return tuple(_from_row(row, aliases) for row in connection.execute(wanted))

    def find(self, reference: str) -> Model:
        """Return a model by ``name`` (its champion), ``name@alias``, ``name@version``, or eight digits of a digest.

        Of several that fit, the newest is meant.

        Raises
        ------
        MissingError : there is none
        StoreError : the database cannot be read
        """
        with self._database.read() as connection:
            return model_of(connection, _digest(connection, plain(reference)))

    def content(self, digest: str) -> bytes:
        """Return a bundle's file.

        Raises
        ------
        MissingError : there is none of this digest
        StoreError : the database cannot be read
        """
        with self._database.read() as connection:
            content = blobs.get(connection, digest)
        if content is None:
            raise MissingError(f"There is no model of the digest {digest[:80]!r}.")
        return content


def _digest(connection: sa.Connection, reference: str) -> str:
    name, at, which = reference.partition("@")
    if not at or which in ALIAS_NAMES:
        digest = _aliases(connection).get((name, which or "champion"))
        if digest is not None:
            return digest
    is_it = sa.and_(BUNDLES.c.name == name, BUNDLES.c.version == which)
    if not at and len(name) >= 8 and set(name) <= set("0123456789abcdef"):
        is_it = BUNDLES.c.digest.startswith(name)
    newest = sa.select(BUNDLES.c.digest).where(is_it).order_by(BUNDLES.c.seq.desc())
    found = connection.execute(newest).scalars().all()
    if not found:
        raise MissingError(f"There is no model {reference[:120]!r}. `auricle models list` shows them.")
    return str(found[0])


def model_of(connection: sa.Connection, digest: str) -> Model:
    """Return the model of a digest, within a transaction.

    Raises
    ------
    MissingError : there is none
    """
    row = connection.execute(sa.select(BUNDLES).where(BUNDLES.c.digest == digest)).one_or_none()
    if row is None:
        raise MissingError(f"There is no model of the digest {digest[:80]!r}.")
    return _from_row(row, _aliases(connection))


def _aliases(connection: sa.Connection) -> dict[tuple[str, str], str]:
    return {(row.name, row.alias): row.digest for row in connection.execute(sa.select(ALIASES))}


def _from_row(row: sa.Row[Any], aliases: dict[tuple[str, str], str]) -> Model:
    held = tuple(alias for alias in ALIAS_NAMES if aliases.get((row.name, alias)) == row.digest)
    added, classes = clock.from_us(row.time_us), tuple(json.loads(row.classes))
    return Model(row.digest, row.name, row.version, row.task, classes, row.n_bytes, added, row.who, row.why, held)
