"""Bundles of the registry: add, list, and find by name, alias, version or digest."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa

from auricle.errors import MissingError, UsageError
from auricle.runtime import clock
from auricle.store import blobs
from auricle.store.database import Database
from auricle.store.predictions.encoding import storable
from auricle.store.tables import ALIASES, BUNDLES

__all__ = ["ALIAS_NAMES", "Alias", "Model", "Models", "alias_digest", "model_of"]

Alias = Literal["champion", "challenger"]
ALIAS_NAMES: Final[tuple[Alias, ...]] = ("champion", "challenger")


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle in the registry.

    Parameters
    ----------
    digest : str
        SHA-256 of the bundle's file.
    name : str
        Shared by all versions of the model.
    version : str
        Twelve hexadecimal digits.
    task : {"classify", "regress"}
    classes : tuple of str
        Empty for a regressor.
    n_bytes : int
        Size of the file.
    added : datetime
    who, why : str
        Author and reason.
    aliases : tuple of str
        Its current aliases.
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
        """``name@version``, as in predictions."""
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
    """The table of bundles."""

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
        """Store a bundle, unless it is stored already, and return it.

        Parameters
        ----------
        content : bytes
            The bundle's file.
        name, version, task, classes
            As in the manifest.
        who, why : str
            Author and reason.

        Raises
        ------
        StoreError : the database cannot be written
        """
        with self._database.write() as connection:
            digest = blobs.put(self._database, connection, content)
            values = {
                "digest": digest,
                "name": storable(name),
                "version": version,
                "task": task,
                "classes": json.dumps(list(classes)),
                "n_bytes": len(content),
                "time_us": clock.to_us(clock.now()),
                "who": storable(who),
                "why": storable(why),
            }
            connection.execute(self._database.insert(BUNDLES).values(**values).on_conflict_do_nothing())
            return model_of(connection, digest)

    def all(self, name: str | None = None) -> tuple[Model, ...]:
        """Return every model, or those of a name, newest first."""
        return self._select(sa.select(BUNDLES), name)

    def champions(self, name: str | None = None) -> tuple[Model, ...]:
        """Return the champion of every name, or of one name, newest first."""
        is_champion = sa.and_(ALIASES.c.digest == BUNDLES.c.digest, ALIASES.c.alias == "champion")
        return self._select(sa.select(BUNDLES).join(ALIASES, is_champion), name)

    def champion(self, name: str | None = None) -> Model:
        """Return the champion of a name; without a name, the only champion of the store.

        Raises
        ------
        MissingError : there is no champion
        UsageError : no name is given, and several names have a champion
        StoreError : the database cannot be read
        """
        champions = self.champions(name)
        if len(champions) == 1:
            return champions[0]
        names = ", ".join(sorted(model.name for model in champions or self.champions()))
        if champions:
            raise UsageError(f"The store holds several models, {names}: say which one by `--model` (serve: `--name`).")
        subject = "A model in the store" if name is None else f"The model {name!r}"
        found = f"The store has champions of {names}" if names else "There is none"
        raise MissingError(f"{subject} must have a champion. {found}: `auricle models add` and `promote` make one.")

    def find(self, reference: str) -> Model:
        """Return a model by ``name`` (its champion), ``name@alias``, ``name@version``, or eight digits of a digest.

        Of several matches, the newest is returned. A name may contain an ``@``.

        Raises
        ------
        MissingError : there is no such model
        StoreError : the database cannot be read
        """
        with self._database.read() as connection:
            return model_of(connection, _digest(connection, storable(reference)))

    def content(self, digest: str) -> bytes:
        """Return a bundle's file.

        Raises
        ------
        MissingError : there is no bundle of this digest
        StoreError : the database cannot be read
        """
        with self._database.read() as connection:
            content = blobs.get(connection, digest)
        if content is None:
            raise MissingError(f"There is no model of the digest {digest[:80]!r}.")
        return content

    def _select(self, query: "sa.Select[Any]", name: str | None) -> tuple[Model, ...]:
        if name is not None:
            query = query.where(BUNDLES.c.name == storable(name))
        with self._database.read() as connection:
            aliases = _aliases(connection)
            rows = connection.execute(query.order_by(BUNDLES.c.seq.desc()))
            return tuple(_from_row(row, aliases) for row in rows)


def _digest(connection: sa.Connection, reference: str) -> str:
    name, _, alias_or_version = reference.rpartition("@")
    matches = sa.and_(BUNDLES.c.name == name, BUNDLES.c.version == alias_or_version)
    if "@" not in reference and len(reference) >= 8 and set(reference) <= set("0123456789abcdef"):
        matches = BUNDLES.c.digest.startswith(reference)
    newest = sa.select(BUNDLES.c.digest).where(matches).order_by(BUNDLES.c.seq.desc()).limit(1)
    digest = alias_digest(connection, name, alias_or_version) or alias_digest(connection, reference, "champion")
    digest = digest or connection.execute(newest).scalar_one_or_none()
    if digest is None:
        raise MissingError(f"There is no model {reference[:120]!r}. `auricle models list` shows them.")
    return digest


def alias_digest(connection: sa.Connection, name: str, alias: str) -> str | None:
    """Return the digest of an alias's bundle, within a transaction; None if the alias is not set."""
    query = sa.select(ALIASES.c.digest).where(ALIASES.c.name == name, ALIASES.c.alias == alias)
    return connection.execute(query).scalar_one_or_none()


def model_of(connection: sa.Connection, digest: str) -> Model:
    """Return the model of a digest, within a transaction.

    Raises
    ------
    MissingError : there is no bundle of this digest
    """
    row = connection.execute(sa.select(BUNDLES).where(BUNDLES.c.digest == digest)).one_or_none()
    if row is None:
        raise MissingError(f"There is no model of the digest {digest[:80]!r}.")
    return _from_row(row, _aliases(connection))


def _aliases(connection: sa.Connection) -> dict[tuple[str, str], str]:
    return {(row.name, row.alias): row.digest for row in connection.execute(sa.select(ALIASES))}


def _from_row(row: sa.Row[Any], aliases: dict[tuple[str, str], str]) -> Model:
    return Model(
        digest=row.digest,
        name=row.name,
        version=row.version,
        task=row.task,
        classes=tuple(json.loads(row.classes)),
        n_bytes=row.n_bytes,
        added=clock.from_us(row.time_us),
        who=row.who,
        why=row.why,
        aliases=tuple(alias for alias in ALIAS_NAMES if aliases.get((row.name, alias)) == row.digest),
    )
