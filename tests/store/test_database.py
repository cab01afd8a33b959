"""Transactions: whole or not at all, on one snapshot, with bounded waits and the errors of the store."""

import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from auricle.errors import StoreError
from auricle.runtime import clock
from auricle.store.database import Database
from auricle.store.store import Store
from auricle.store.tables import BUCKETS, TOMBSTONES

ROW = {"id": "a", "time_us": 1, "who": ""}


def ids(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.select(TOMBSTONES.c.id)).scalars())


def test_reads_work_during_a_write(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "store.db"), patience_s=0.1) as store, store.database.write():
        found: list[object] = []
        # In threads of their own, so on connections that are opened only now.
        threads = [threading.Thread(target=lambda: found.append(store.entries().entries)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [(), (), ()]


def test_a_long_write_in_the_same_process_is_an_error(tmp_path: Path) -> None:
    error = pytest.raises(StoreError, match="this process has been writing to it")
    with Store.open(str(tmp_path / "store.db"), patience_s=0.1) as store, store.database.write(), error:
        store.keys.create(["read"])


def test_database_clock_is_close_to_the_system_clock(store: Store) -> None:
    with store.database.read() as connection:
        now = clock.from_us(store.database.now_us(connection))
    assert abs(now - clock.now()) < timedelta(minutes=1)


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.database.write() as connection:
            connection.execute(sa.insert(TOMBSTONES).values(ROW))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.database.write(durable=False) as connection:  # the lock is free again
        assert ids(connection) == []


def test_a_reader_sees_no_commit_after_its_first_read(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "store.db")) as store:
        with store.database.read() as reader:
            assert ids(reader) == []
            with store.database.write() as writer:
                writer.execute(sa.insert(TOMBSTONES).values(ROW))
            assert ids(reader) == []
        with store.database.read() as reader:
            assert ids(reader) == ["a"]


def test_a_broken_constraint_is_left_to_the_caller_and_other_errors_are_the_stores(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError), store.database.write() as connection:
        connection.execute(sa.insert(TOMBSTONES).values([ROW, ROW]))
    with pytest.raises(StoreError, match=r"cannot be used: .*nowhere"), store.database.read() as connection:
        connection.execute(sa.text("SELECT * FROM nowhere"))


def test_an_insertion_may_yield_to_the_row_that_is_there(store: Store) -> None:
    insertion = store.database.insert(BUCKETS).values(name="key", tokens=1.0, time_us=1)
    with store.database.write() as connection:
        connection.execute(insertion)
        connection.execute(insertion.on_conflict_do_update(index_elements=["name"], set_={"tokens": 2.0}))
        connection.execute(insertion.on_conflict_do_nothing())
        assert list(connection.execute(sa.select(BUCKETS.c.tokens)).scalars()) == [2.0]


def test_the_name_of_a_database_hides_its_password() -> None:
    database = Database("postgres://me:secret@host/db")  # connects when it is first used
    assert database.name == "postgresql://me:***@host/db"
    database.close()


def test_deleted_rows_leave_the_log_and_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(str(path)) as store:
        with store.database.write() as connection:
            connection.execute(sa.insert(TOMBSTONES), [ROW | {"id": f"{i:04}", "who": "x" * 1000} for i in range(500)])
        store.database.truncate_log()
        full = path.stat().st_size
        with store.database.write() as connection:
            connection.execute(sa.delete(TOMBSTONES))
        store.database.vacuum()
        store.database.truncate_log()
        assert (tmp_path / "store.db-wal").stat().st_size == 0
        assert path.stat().st_size < full / 2
        assert b"x" * 100 not in path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
