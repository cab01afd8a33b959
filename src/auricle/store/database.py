"""Transactions on SQLite or PostgreSQL: bounded waits, and every driver error as a StoreError."""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

from auricle.errors import StoreError
from auricle.runtime import clock
from auricle.store.dialects import ANSWER_S, DEFAULT_URL, engine, ensure_file, failure_reason, parse_url

__all__ = ["DEFAULT_URL", "PATIENCE_S", "Database"]

PATIENCE_S: Final = 5.0
"""Default seconds to wait for a lock, a server or a free connection."""

_CHECKPOINT_WAIT_MS: Final = 500  # writers wait meanwhile
_VACUUM_PAGES: Final = 1000  # per transaction


class Database:
    """A pool of connections to one database; threads may share it, processes may not.

    Parameters
    ----------
    url : str
        ``sqlite:///FILE``, ``postgresql://…``, or the path of a SQLite file.
    create : bool
        Create a missing SQLite file, readable only by its owner.
    patience_s : float
        Seconds to wait for a lock, a server or a free connection.
    answer_s : float
        Seconds to wait for PostgreSQL's answer to a statement.

    Raises
    ------
    UsageError : the URL is neither SQLite's nor PostgreSQL's
    StoreError : the file does not exist
    """

    def __init__(
        self, url: str, *, create: bool = True, patience_s: float = PATIENCE_S, answer_s: float = ANSWER_S
    ) -> None:
        parsed = parse_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.name = parsed.set(drivername=parsed.get_backend_name()).render_as_string(hide_password=True)
        """The URL without its password, for messages."""
        self._patience_s = patience_s
        self._write_lock = threading.Lock()
        if self.is_sqlite:
            ensure_file(Path(parsed.database or ""), create=create)
        self.engine = engine(parsed, patience_s=patience_s, answer_s=answer_s)
        self._writers = self.engine.execution_options(writes=True)  # the same connections; see dialects.py

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a read-only transaction on one snapshot of the database.

        Raises
        ------
        StoreError : the database cannot be reached or read
        """
        with self._store_errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """Open a write transaction; it is committed when the block ends without an error.

        SQLite has one writer at a time. Threads of a process queue here, because SQLite itself makes them poll;
        processes queue at the file's lock.

        Parameters
        ----------
        durable : bool
            Wait for the disk, so that the commit survives a power cut. False for short-lived state such as rate limits.

        Raises
        ------
        StoreError : the database cannot be reached, is locked for too long, or its disk is full
        """
        if self.is_sqlite and not self._write_lock.acquire(timeout=self._patience_s):
            busy = f"this process has been writing to it for {self._patience_s:g} s"
            raise StoreError(f"{self.name}: cannot be used: {busy}.")
        try:
            with self._store_errors(), self._writers.connect() as connection:
                if self.is_sqlite:
                    self._pragma(connection, f"synchronous={'FULL' if durable else 'NORMAL'}")
                with connection.begin():
                    if not self.is_sqlite and not durable:
                        connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
                    yield connection
        finally:
            if self.is_sqlite:
                self._write_lock.release()

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that takes ON CONFLICT clauses."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def now_us(self, connection: sa.Connection) -> int:
        """Return the time in microseconds since 1970 by the clock that all processes on this database share.

        That is the server's clock for PostgreSQL, and this machine's for SQLite.
        """
        if self.is_sqlite:
            return clock.to_us(clock.now())
        return int(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp()) * 1000000")).scalar_one())

    def lock_name(self, connection: sa.Connection, name: str) -> None:
        """Take an advisory lock on a name, and hold it to the end of the transaction.

        Does nothing on SQLite, which has one writer at a time.
        """
        if not self.is_sqlite:
            key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

    def truncate_log(self) -> None:
        """Checkpoint and truncate SQLite's write-ahead log, which still holds deleted rows; PostgreSQL vacuums itself.

        A reader that is active now delays the truncation to the next call.
        """
        if self.is_sqlite:
            with self._store_errors(), self.engine.connect() as connection:
                self._pragma(connection, f"busy_timeout={_CHECKPOINT_WAIT_MS}")
                try:
                    self._pragma(connection, "wal_checkpoint(TRUNCATE)")
                finally:
                    self._pragma(connection, f"busy_timeout={int(self._patience_s * 1000)}")

    def vacuum(self) -> None:
        """Shrink SQLite's file in small steps while more than a tenth of it is empty; PostgreSQL vacuums itself.

        Raises
        ------
        StoreError : the database cannot be written
        """
        while self.is_sqlite:
            with self.write() as connection:
                n_free, n_pages = (
                    int(connection.exec_driver_sql(f"PRAGMA {count}").scalar_one())
                    for count in ("freelist_count", "page_count")
                )
                if n_free * 10 <= n_pages:
                    return
                self._pragma(connection, f"incremental_vacuum({_VACUUM_PAGES})")

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()

    @staticmethod
    def _pragma(connection: sa.Connection, setting: str) -> None:
        """Run a PRAGMA without beginning a transaction."""
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA {setting}").fetchall()  # some take effect only when all rows are read
        cursor.close()

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Raise the driver's errors as StoreError; IntegrityError passes unchanged."""
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise StoreError(f"{self.name}: cannot be used: {failure_reason(error.orig)}.") from error
        except sqlite3.Error as error:  # raised by a PRAGMA
            raise StoreError(f"{self.name}: cannot be used: {failure_reason(error)}.") from error
        except sa.exc.TimeoutError as error:  # no free connection in time
            raise StoreError(f"{self.name}: cannot be used: {failure_reason(error)}.") from error
