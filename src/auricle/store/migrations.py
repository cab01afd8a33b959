"""Schema migrations: create the tables or bring them to the newest version, safely under concurrent starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from auricle.errors import StoreError
from auricle.store.database import Database
from auricle.store.tables import (
    ALIASES,
    BLOBS,
    BUCKETS,
    BUNDLES,
    CHANGES,
    CHECKS,
    CLAIMS,
    DECISIONS,
    FEEDBACK,
    KEYS,
    LEASES,
    METADATA,
    PREDICTIONS,
    SESSIONS,
    TOMBSTONES,
    TYPICAL,
    VERSION,
)

__all__ = ["STEPS", "Step", "migrate"]


@dataclass(frozen=True, slots=True)
class Step:
    """One migration, from one schema version to the next.

    Parameters
    ----------
    version : int
        Schema version after the step.
    description : str
    run : callable
        Applies the step within a transaction.
    """

    version: int
    description: str
    run: Callable[[sa.Connection], None]


def _create(*tables: sa.Table) -> Callable[[sa.Connection], None]:
    def run(connection: sa.Connection) -> None:
        METADATA.create_all(connection, tables, checkfirst=False)

    return run


_FIRST: Final = (
    VERSION,
    PREDICTIONS,
    FEEDBACK,
    TYPICAL,
    TOMBSTONES,
    BLOBS,
    BUNDLES,
    ALIASES,
    CHANGES,
    CHECKS,
    KEYS,
    LEASES,
    CLAIMS,
    BUCKETS,
    SESSIONS,
)

STEPS: Final = (
    Step(1, "create the tables", _create(*_FIRST)),
    Step(2, "keep the decisions of retraining", _create(DECISIONS)),
)
"""A released step never changes: before a later step alters a table, write the old table out in the earlier step."""


def migrate(database: Database, steps: tuple[Step, ...] = STEPS) -> int:
    """Apply the missing steps in one transaction, and return the schema version.

    Concurrent callers wait for the first, and then find nothing to do.

    Raises
    ------
    StoreError : the database cannot be used, or was written by a newer version of auricle
    """
    with database.read() as connection:  # an up-to-date database needs no lock
        version = _version(connection)
    if version < steps[-1].version:
        with database.write() as connection:
            database.lock_name(connection, "schema")
            version = _version(connection)
            for step in steps:
                if step.version > version:
                    step.run(connection)
                    connection.execute(sa.delete(VERSION))
                    connection.execute(sa.insert(VERSION).values(version=step.version))
            version = max(version, steps[-1].version)
    if version > steps[-1].version:
        raise StoreError(
            f"{database.name}: the store's version must be at most {steps[-1].version}. Got {version}: "
            "use the version of auricle that wrote it, or a newer one."
        )
    return version


def _version(connection: sa.Connection) -> int:
    """Return the schema version; 0 for an empty database."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return 0
    return int(connection.execute(sa.select(VERSION.c.version)).scalar_one())
