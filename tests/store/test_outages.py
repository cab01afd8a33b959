"""Outages of the database: errors in bounded time, no false acknowledgement, and recovery."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from auricle.errors import StoreError
from auricle.records import Entry
from auricle.store.store import Store

Make = Callable[..., Entry]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that writers of a SQLite file need, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_writes_fail_while_sqlite_is_locked_and_recover(tmp_path: Path, make_entry: Make) -> None:
    path = tmp_path / "store.db"
    with Store.open(str(path), patience_s=0.1) as store, store.writer() as writer:
        first = writer.submit(make_entry()).result()
        with locked(path):
            futures = [writer.submit(make_entry()) for _ in range(100)]
            for future in futures:
                with pytest.raises(StoreError, match=r"store\.db: cannot be used: another process holds its lock"):
                    future.result()
            assert store.entry(first.id) == first  # reads go on
        assert writer.submit(make_entry()).result()
        assert len(store.entries(limit=1000).entries) == 2


def test_the_whole_queue_fails_with_the_first_batch(
    tmp_path: Path, make_entry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(str(tmp_path / "store.db")) as store, store.writer() as writer:
        attempts, all_wait = [], threading.Event()

        def write() -> Any:
            attempts.append(all_wait.wait(60))
            raise StoreError("locked")

        monkeypatch.setattr(store.database, "write", write)
        futures = [writer.submit(make_entry()) for _ in range(1000)]
        all_wait.set()
        for future in futures:
            with pytest.raises(StoreError, match="locked"):
                future.result()
        assert len(attempts) == 1  # not one wait for every 32


def test_writes_fail_on_a_full_disk_while_reads_work_and_recover(tmp_path: Path, make_entry: Make) -> None:
    with Store.open(str(tmp_path / "store.db")) as store, store.writer() as writer:
        first = writer.submit(make_entry()).result()
        pages = 100

        def limit(connection: Any, *_: Any) -> None:
            connection.execute(f"PRAGMA max_page_count={pages}")

        sa.event.listen(store.database.engine, "checkout", limit)
        kept = [first]

        def fill() -> None:
            while True:
                kept.append(writer.submit(make_entry(), sound=len(kept).to_bytes(2) * 20_000).result())

        with pytest.raises(StoreError, match="the disk is full"):
            fill()
        assert len(kept) > 2
        assert {entry.id for entry in store.entries(limit=1000).entries} == {entry.id for entry in kept}
        pages = 10_000
        assert writer.submit(make_entry(), sound=bytes(40_000)).result()
        with store.database.read() as connection:
            assert connection.execute(sa.text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_a_read_only_file_is_an_error(tmp_path: Path, make_entry: Make) -> None:
    path = tmp_path / "store.db"
    with Store.open(str(path)) as store:
        sa.event.listen(
            store.database.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA query_only=1")
        )
        with pytest.raises(StoreError, match="the file is read-only"):
            store.add([make_entry()])


def test_a_stopped_postgresql_is_an_error_and_recovers(
    postgresql_server: Any, postgresql: str, make_entry: Make
) -> None:
    with Store.open(postgresql) as store, store.writer() as writer:
        kept = writer.submit(make_entry()).result()
        postgresql_server.stop()
        try:
            for _ in range(2):
                with pytest.raises(StoreError, match="cannot be used"):
                    writer.submit(make_entry()).result(timeout=30)
            with pytest.raises(StoreError, match="cannot be used"):
                store.entry(kept.id)
        finally:
            postgresql_server.ensure_postgres_running()
        assert writer.submit(make_entry()).result(timeout=30)
        assert store.entry(kept.id) == kept
        store.delete(kept.id)
        for entry in store.entries().entries:
            store.delete(entry.id)


def test_a_locked_postgresql_table_is_an_error(postgresql: str, make_entry: Make) -> None:
    with (
        Store.open(postgresql, patience_s=0.2) as store,
        Store.open(postgresql) as other,
        other.database.write() as connection,
    ):
        connection.execute(sa.text("LOCK TABLE predictions"))
        with pytest.raises(StoreError, match="another process holds its lock"):
            store.add([make_entry()])
