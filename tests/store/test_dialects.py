"""URLs, files, and the settings of connections that the store relies on."""

import sqlite3
from pathlib import Path

import pytest

from auricle.errors import StoreError, UsageError
from auricle.store.database import Database
from auricle.store.dialects import DEFAULT_URL, engine, failure_reason, parse_url
from auricle.store.store import Store


@pytest.mark.parametrize(
    ("url", "driver", "database"),
    [
        (DEFAULT_URL, "sqlite", "auricle.db"),
        ("folder/my store.db", "sqlite", "folder/my store.db"),
        ("/tmp/store.db", "sqlite", "/tmp/store.db"),  # noqa: S108
        ("sqlite:////var/store.db", "sqlite", "/var/store.db"),
        ("postgres://me@host/db", "postgresql+psycopg", "db"),
        ("postgresql+psycopg2://me@host:5433/db", "postgresql+psycopg", "db"),
    ],
)
def test_a_url_or_a_path_names_a_database(url: str, driver: str, database: str) -> None:
    parsed = parse_url(url)
    assert (parsed.drivername, parsed.database) == (driver, database)


@pytest.mark.parametrize("url", ["mysql://root:secret@host/db", "sqlite://", "sqlite:///:memory:", "://", "what://"])
def test_invalid_urls_are_refused_without_leaking_passwords(url: str) -> None:
    with pytest.raises(UsageError, match="URL must be sqlite:///FILE or postgresql://USER@HOST/DATABASE") as refused:
        Store.open(url)
    assert "secret" not in str(refused.value)


def test_an_unreachable_server_is_an_error_without_its_password() -> None:
    with pytest.raises(StoreError, match="cannot be used: ") as refused:
        Store.open("postgresql://me:secret@127.0.0.1:9/db")
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_new_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "store.db")):
        assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600


def test_open_without_create_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"typo\.db: the store must be a file .*: there is no such file"):
        Store.open(str(tmp_path / "typo.db"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_open_refuses_other_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"RIFF" * 300)
    with pytest.raises(StoreError, match="the file is not a SQLite database"):
        Store.open(str(tmp_path / "song.wav"))
    with pytest.raises(StoreError, match="it is not a file"):
        Database(str(tmp_path))


def test_an_old_file_keeps_its_content_and_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(str(path)) as store:
        _, key = store.keys.create(["read"])
    path.chmod(0o640)
    with Store.open(str(path), create=False) as store:
        assert store.keys.all() == (key,)
    assert path.stat().st_mode & 0o777 == 0o640


def test_sqlite_checks_references_and_overwrites_what_is_deleted_and_reads_beside_a_writer(tmp_path: Path) -> None:
    pool = engine(parse_url(str(tmp_path / "store.db")), patience_s=0.1)
    settings = {"foreign_keys": 1, "secure_delete": 1, "journal_mode": "wal", "auto_vacuum": 2}
    with pool.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in settings}
    pool.dispose()
    assert found == settings


def test_a_write_transaction_takes_the_lock_when_it_begins(tmp_path: Path) -> None:
    pool = engine(parse_url(str(tmp_path / "store.db")), patience_s=0.05)
    writers = pool.execution_options(writes=True)
    with writers.begin():
        with pool.begin() as reader:
            assert reader.exec_driver_sql("SELECT 1").scalar_one() == 1
        with pytest.raises(sqlite3.OperationalError, match="database is locked"), writers.begin():
            pass
    with writers.begin():
        pass
    pool.dispose()


def error_of(kind: type[BaseException], **attributes: object) -> BaseException:
    error = kind("disk I/O error.\nat page 7")
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (error_of(sqlite3.OperationalError, sqlite_errorcode=sqlite3.SQLITE_BUSY), "another process holds its lock"),
        (error_of(sqlite3.OperationalError, sqlite_errorcode=sqlite3.SQLITE_BUSY_SNAPSHOT), "another process holds"),
        (error_of(sqlite3.OperationalError, sqlite_errorcode=sqlite3.SQLITE_IOERR), "disk I/O error"),
        (error_of(RuntimeError, sqlstate="53100"), "the disk is full"),
        (error_of(RuntimeError, sqlstate="57014"), "a statement took too long"),
        (error_of(RuntimeError), "disk I/O error"),
    ],
)
def test_a_reason_is_a_clause_for_an_operator(error: BaseException, reason: str) -> None:
    found = failure_reason(error)
    assert found.startswith(reason)
    assert "\n" not in found
    assert not found.endswith(".")
