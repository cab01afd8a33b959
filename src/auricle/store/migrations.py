"""How a database becomes the newest version of the store, whoever else starts on it at the same moment."""

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
    """What makes of one version of the tables the next.

    Parameters
    ----------
    version : what the tables are after it
    description : what it does, in a few words
    run : does it, within a transaction
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
"""A step that has been released is never changed: where a later one changes a table, the earlier writes out its own."""


def migrate(database: Database, steps: tuple[Step, ...] = STEPS) -> int:
    """Take the steps that a database lacks, all in one transaction, and return its version.

    Whoever comes second waits for the first, and then finds nothing to do.

    Raises
    ------
    StoreError : the database cannot be used, or was written by a newer version of auricle
    """
    with database.read() as connection:  # the usual case takes no lock
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
    """Return the version of the tables; 0 where there are none."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return 0
    return int(connection.execute(sa.select(VERSION.c.version)).scalar_one())
