"""The registry: every bundle that was added, by the hash of its bytes."""

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
        """Return every model, or those of a name, the newest first."""
        return self._select(sa.select(BUNDLES), name)

    def champions(self, name: str | None = None) -> tuple[Model, ...]:
        """Return the active model of every name, or of one, the newest first; a name without a champion has none."""
        is_champion = sa.and_(ALIASES.c.digest == BUNDLES.c.digest, ALIASES.c.alias == "champion")
        return self._select(sa.select(BUNDLES).join(ALIASES, is_champion), name)

    def champion(self, name: str | None = None) -> Model:
        """Return the active model of a name, or of the whole service where only one name has a champion.

        Raises
        ------
        MissingError : there is none
        UsageError : no name, and several names have a champion
        StoreError : the database cannot be read
        """
        champions = self.champions(name)
        if len(champions) == 1:
            return champions[0]
        names = ", ".join(sorted(model.name for model in champions or self.champions()))
        if champions:
            raise UsageError(f"The store holds several models, {names}: say which one by `--model` (serve: `--name`).")
        whose = "A model in the store" if name is None else f"The model {name!r}"
        found = f"The store has champions of {names}" if names else "There is none"
        raise MissingError(f"{whose} must have a champion. {found}: `auricle models add` and `promote` make one.")

    def find(self, reference: str) -> Model:
        """Return a model by ``name`` (its champion), ``name@alias``, ``name@version``, or eight digits of a digest.

        Of several that fit, the newest is meant. A name may itself hold an ``@``.

        Raises
        ------
        MissingError : there is none
        StoreError : the database cannot be read
        """
        with self._database.read() as connection:
            return model_of(connection, _digest(connection, storable(reference)))

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

    def _select(self, wanted: "sa.Select[Any]", name: str | None) -> tuple[Model, ...]:
        if name is not None:
            wanted = wanted.where(BUNDLES.c.name == storable(name))
        with self._database.read() as connection:
            aliases = _aliases(connection)
            rows = connection.execute(wanted.order_by(BUNDLES.c.seq.desc()))
            return tuple(_from_row(row, aliases) for row in rows)


def _digest(connection: sa.Connection, reference: str) -> str:
    name, _, which = reference.rpartition("@")
    is_it = sa.and_(BUNDLES.c.name == name, BUNDLES.c.version == which)
    if "@" not in reference and len(reference) >= 8 and set(reference) <= set("0123456789abcdef"):
        is_it = BUNDLES.c.digest.startswith(reference)
    newest = sa.select(BUNDLES.c.digest).where(is_it).order_by(BUNDLES.c.seq.desc()).limit(1)
    found = alias_digest(connection, name, which) or alias_digest(connection, reference, "champion")
    found = found or connection.execute(newest).scalar_one_or_none()
    if found is None:
        raise MissingError(f"There is no model {reference[:120]!r}. `auricle models list` shows them.")
    return found


def alias_digest(connection: sa.Connection, name: str, alias: str) -> str | None:
    """Return the digest of the bundle that an alias of a name means, within a transaction; None for none."""
    wanted = sa.select(ALIASES.c.digest).where(ALIASES.c.name == name, ALIASES.c.alias == alias)
    return connection.execute(wanted).scalar_one_or_none()


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
    return Model(
        digest=row.digest,
        name=row.name,
        version=row.version,
        task=row.task,
        classes=classes,
        n_bytes=row.n_bytes,
        added=added,
        who=row.who,
        why=row.why,
        aliases=held,
    )
