"""Stores on SQLite and PostgreSQL, and a clock for them that tests set."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from auricle.runtime import clock
from auricle.store.database import Database
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


class FakeClock:
    """A clock that a test sets: the store's, whichever database it is."""

    def __init__(self) -> None:
        self.us = clock.to_us(datetime.fromisoformat("2026-03-01T00:00:00+00:00"))

    def advance(self, seconds: float) -> None:
        self.us += int(seconds * 1e6)


@pytest.fixture
def fake_clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake_clock = FakeClock()
    monkeypatch.setattr(Database, "now_us", lambda *_: fake_clock.us)
    return fake_clock
