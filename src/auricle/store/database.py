"""A connection to SQLite or PostgreSQL that either does its work within seconds or says in a sentence why not."""

import hashlib
import math
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from auricle import clock
from auricle.errors import StoreError, UsageError

__all__ = ["DEFAULT_URL", "PATIENCE_S", "Database"]

DEFAULT_URL: Final = "sqlite:///auricle.db"

PATIENCE_S: Final = 5.0
"""How long to wait for a lock, a server or a free connection, unless told otherwise."""

_INCREMENTAL: Final = 2  # of SQLite's ways to give room back
_STATEMENT_S: Final = 30.0  # a statement that a server is still at after this is lost
_CONNECTIONS: Final = 8
_FORGET_MS: Final = 500  # writers wait meanwhile

_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "another process holds its lock",
    sqlite3.SQLITE_LOCKED: "another process holds its lock",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file is read-only",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_NOTADB: "the file is not a SQLite database",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    "53100": "the disk is full",
    "55P03": "another process holds its lock",
    "57014": f"a statement took longer than {_STATEMENT_S:g} s",
}
"""What SQLite's codes and PostgreSQL's states mean to somebody who runs a server."""


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
        self.url = _parsed(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.name = self.url.render_as_string(hide_password=True)
        """What messages call it."""
        self._patience_s = patience_s
        self._writing = threading.Lock()
        if self.is_sqlite:
            _prepare(Path(self.url.database or ""), create=create)
        self.engine = sa.create_engine(
            self.url,
            connect_args={"timeout": patience_s} if self.is_sqlite else {"connect_timeout": math.ceil(patience_s)},
            poolclass=sa.QueuePool,
            pool_size=_CONNECTIONS,
            max_overflow=_CONNECTIONS,
            pool_timeout=patience_s,
            pool_pre_ping=not self.is_sqlite,  # so that a server that was restarted is found again
        )
        self._writers = self.engine.execution_options(writes=True)  # read by _begin; the same connections
        tune = _tune_sqlite if self.is_sqlite else _tune_postgresql
        sa.event.listen(self.engine, "connect", lambda connection, _: tune(connection, patience_s))
        if self.is_sqlite:
            sa.event.listen(self.engine, "begin", _begin)

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

    def hold(self, connection: sa.Connection, name: str) -> None:
        """Wait until no other transaction holds a name, and hold it to the end of this one.

        SQLite has one writer at a time, which is more than enough.
        """
        if not self.is_sqlite:
            number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    def forget(self) -> None:
        """Overwrite what was deleted, where the database lets us: SQLite's log still holds it, PostgreSQL vacuums.

        The log is folded in and cut off unless somebody reads just now; then the next call does it.
        """
        if self.is_sqlite:
            with self._told(), self.engine.connect() as connection:
                self._pragma(connection, f"busy_timeout={_FORGET_MS}")
                self._pragma(connection, "wal_checkpoint(TRUNCATE)")
                self._pragma(connection, f"busy_timeout={int(self._patience_s * 1000)}")

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()

    @staticmethod
    def _pragma(connection: sa.Connection, setting: str) -> None:
        """Change a connection's setting before a transaction begins on it."""
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the driver raises into one sentence; what breaks a rule of the schema stays what it is."""
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise StoreError(f"{self.name}: cannot be used: {_reason(error.orig)}.") from error
        except sqlite3.Error as error:  # of a setting
            raise StoreError(f"{self.name}: cannot be used: {_reason(error)}.") from error
        except SQLAlchemyError as error:  # no free connection in time
            raise StoreError(f"{self.name}: cannot be used: {_first_line(error)}.") from error


def _parsed(url: str) -> URL:
    if "://" not in url:
        url = f"sqlite:///{url}"
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
        backend = parsed.get_backend_name()
    except (SQLAlchemyError, NoSuchModuleError, ValueError):
        backend = ""
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:") and "mode" not in parsed.query:
        return parsed.set(drivername="sqlite")
    raise UsageError(
        "A store's URL must be sqlite:///FILE or postgresql://USER@HOST/DATABASE. "
        f"Got {url.partition('://')[0]}://…, which is neither."  # the rest may hold a password
    )


def _prepare(path: Path, *, create: bool) -> None:
    """See that the file is there, or say at once why it cannot be."""
    try:
        if not path.exists() and create:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # it will hold sounds and the hashes of keys
        if path.is_file():
            return
        reason = "it is not a file" if path.exists() else "there is no such file"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    raise StoreError(f"{path}: the store must be a file that can be opened: {reason}.")


def _tune_sqlite(connection: Any, patience_s: float) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says
    cursor = connection.cursor()
    for setting in ("foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {setting}")
    if cursor.execute("PRAGMA auto_vacuum").fetchone() != (_INCREMENTAL,):  # asked first: to set it takes the lock
        cursor.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
    if cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        _to_wal(cursor, clock.Deadline(patience_s))
    cursor.close()


def _to_wal(cursor: sqlite3.Cursor, deadline: clock.Deadline) -> None:
    """Change the journal: SQLite does not wait for the lock this needs, so several at once must try again."""
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or deadline.is_over():
                raise
            time.sleep(0.01)
        else:
            return


def _tune_postgresql(connection: Any, patience_s: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{_STATEMENT_S:g}s'")
        cursor.execute(f"SET lock_timeout = '{int(patience_s * 1000)}ms'")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


def _begin(connection: sa.Connection) -> None:
    # A transaction that will write takes the lock at once: one that began by reading could not be given it later.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _reason(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorcode", None) or getattr(error, "sqlstate", None)
    if isinstance(code, int):
        code &= 0xFF  # SQLite's extended codes say in their low byte what kind they are
    return _REASONS.get(code) or _first_line(error)


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
