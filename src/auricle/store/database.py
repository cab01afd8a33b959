"""Transactions on SQLite or PostgreSQL that either do their work within seconds or say in a sentence why not."""

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
from auricle.store.dialects import DEFAULT_URL, engine, ensure_file, failure_reason, parse_url

__all__ = ["DEFAULT_URL", "PATIENCE_S", "Database"]

PATIENCE_S: Final = 5.0
"""How long to wait for a lock, a server or a free connection, unless told otherwise."""

_FORGET_MS: Final = 500  # writers wait meanwhile
_SHRUNK_AT_ONCE: Final = 1000  # pages


class Database:
    """A pool of connections to one database; threads may share it, processes may not.

    Parameters
    ----------
    url : ``sqlite:///FILE``, ``postgresql://…``, or the path of a SQLite file
    create : whether a SQLite file that is missing is created, readable by its owner alone
    patience_s : how long to wait for a lock, a server or a free connection before giving up

    Raises
    ------
    UsageError : a URL that is neither
    StoreError : no such file
    """

    def __init__(self, url: str, *, create: bool = True, patience_s: float = PATIENCE_S) -> None:
        parsed = parse_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.name = parsed.set(drivername=parsed.get_backend_name()).render_as_string(hide_password=True)
        """What messages call it."""
        self._patience_s = patience_s
        self._writing = threading.Lock()
        if self.is_sqlite:
            ensure_file(Path(parsed.database or ""), create=create)
        self.engine = engine(parsed, patience_s=patience_s)
        self._writers = self.engine.execution_options(writes=True)  # the same connections; see dialects.py

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads: it sees one state of the database.

        Raises
        ------
        StoreError : the database cannot be reached or read
        """
        with self._told(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """Open a transaction that writes; it is committed when the block ends without an error.

        SQLite lets one writer in at a time. Threads of a process queue for it here, because SQLite itself makes them
        poll; processes queue at the file's lock.

        Parameters
        ----------
        durable : whether what is committed outlives a power cut; what does not matter then, such as how much of a
            rate limit is used up, is committed without waiting for the disk

        Raises
        ------
        StoreError : the database cannot be reached, is locked for too long, or its disk is full
        """
        if self.is_sqlite and not self._writing.acquire(timeout=self._patience_s):
            busy = f"this process has been writing to it for {self._patience_s:g} s"
            raise StoreError(f"{self.name}: cannot be used: {busy}.")
        try:
            with self._told(), self._writers.connect() as connection:
                if self.is_sqlite:
                    self._pragma(connection, f"synchronous={'FULL' if durable else 'NORMAL'}")
                with connection.begin():
                    if not self.is_sqlite and not durable:
                        connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
                    yield connection
        finally:
            if self.is_sqlite:
                self._writing.release()

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """Return an insertion that may say what happens where the row is there already."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def now_us(self, connection: sa.Connection) -> int:
        """Return the present in microseconds since 1970, by the one clock that all who share the database share.

        That is the server's for PostgreSQL, whose clients may be many machines, and this machine's for SQLite.
        """
        if self.is_sqlite:
            return clock.to_us(clock.now())
        return int(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp()) * 1000000")).scalar_one())

    def lock_name(self, connection: sa.Connection, name: str) -> None:
        """Wait until no other transaction holds a name, and hold it to the end of this one.

        SQLite has one writer at a time, which is more than enough.
        """
        if not self.is_sqlite:
            number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    def truncate_log(self) -> None:
        """Overwrite what was deleted, where the database lets us: SQLite's log still holds it, PostgreSQL vacuums.

        The log is folded in and cut off unless somebody reads just now; then the next call does it.
        """
        if self.is_sqlite:
            with self._told(), self.engine.connect() as connection:
                self._pragma(connection, f"busy_timeout={_FORGET_MS}")
                try:
                    self._pragma(connection, "wal_checkpoint(TRUNCATE)")
                finally:
                    self._pragma(connection, f"busy_timeout={int(self._patience_s * 1000)}")

    def vacuum(self) -> None:
        """Give room back to the disk, a little at a time, once a tenth of SQLite's file is empty; PostgreSQL vacuums.

        Raises
        ------
        StoreError : the database cannot be written
        """
        while self.is_sqlite:
            with self.write() as connection:
                empty, all_pages = (
                    int(connection.exec_driver_sql(f"PRAGMA {count}").scalar_one())
                    for count in ("freelist_count", "page_count")
                )
                if empty * 10 <= all_pages:
                    return
                self._pragma(connection, f"incremental_vacuum({_SHRUNK_AT_ONCE})")

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()

    @staticmethod
    def _pragma(connection: sa.Connection, setting: str) -> None:
        """Change a setting without beginning a transaction."""
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA {setting}").fetchall()  # some are only done when they are read to their end
        cursor.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the driver raises into one sentence; what breaks a rule of the schema stays what it is."""
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise StoreError(f"{self.name}: cannot be used: {failure_reason(error.orig)}.") from error
        except sqlite3.Error as error:  # of a setting
            raise StoreError(f"{self.name}: cannot be used: {failure_reason(error)}.") from error
        except sa.exc.TimeoutError as error:  # no free connection in time
            raise StoreError(f"{self.name}: cannot be used: {failure_reason(error)}.") from error
