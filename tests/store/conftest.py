"""Stores of both kinds, started by the tests: a SQLite file, and a database of a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from auricle.store.store import Store
from auricle.store.tables import METADATA, VERSION

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database: the test runs once with SQLite and once with PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    yield request.getfixturevalue("postgresql_database")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store: the test runs once with SQLite and once with PostgreSQL, whose tables all tests share."""
    if request.param == "sqlite":
        with Store.open(str(tmp_path / "store.db")) as opened:
            yield opened
        return
    with Store.open(request.getfixturevalue("postgresql")) as opened:
        yield opened
        with opened.database.write() as connection:
            for table in reversed(METADATA.sorted_tables):
                if table is not VERSION:
                    connection.execute(sa.delete(table))
