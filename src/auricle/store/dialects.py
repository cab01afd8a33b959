"""Differences between SQLite and PostgreSQL: URLs, connection settings, error codes."""

import math
import os
import random
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from auricle.errors import StoreError, UsageError
from auricle.runtime.clock import Deadline

__all__ = ["ANSWER_S", "DEFAULT_URL", "engine", "ensure_file", "failure_reason", "parse_url"]

DEFAULT_URL: Final = "sqlite:///auricle.db"

_CONNECTIONS: Final = 8
_RETRY_S: Final = (0.0005, 0.003)
ANSWER_S: Final = 30.0
"""Default seconds after which PostgreSQL cancels a statement; a server that says nothing for longer is given up."""

_GRACE_S: Final = 1.0  # for the server's word that it has cancelled a statement

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
    "57014": "a statement took too long",
}
"""SQLite's error codes and PostgreSQL's SQLSTATEs in words for an operator."""

_POSTGRESQL: Final = {
    "keepalives_idle": 10,  # seconds: a server whose machine vanished is noticed within half a minute
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}


def parse_url(url: str) -> URL:
    """Parse a store's URL; a text without ``://`` is the path of a SQLite file.

    Raises
    ------
    UsageError : neither ``sqlite:///FILE`` nor ``postgresql://USER@HOST/DATABASE``
    """
    text = url if "://" in url else f"sqlite:///{url}"
    try:
        parsed = make_url(text.replace("postgres://", "postgresql://", 1))
        backend = parsed.get_backend_name()
    except (SQLAlchemyError, NoSuchModuleError, ValueError):
        backend = ""
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:") and not parsed.query:
        return parsed.set(drivername="sqlite")
    raise UsageError(
        "A store's URL must be sqlite:///FILE or postgresql://USER@HOST/DATABASE. "
        f"Got {text.partition('://')[0]}://…, which is neither."  # the rest may hold a password
    )


def ensure_file(path: Path, *, create: bool) -> None:
    """Create a missing SQLite file with mode 0600, or check that it exists.

    Raises
    ------
    StoreError : the file is missing and ``create`` is false, or it cannot be opened
    """
    try:
        if not path.exists() and create:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # it will hold sounds and hashes of keys
        if path.is_file():
            return
        why = "it is not a file" if path.exists() else "there is no such file"
    except OSError as error:
        why = (error.strerror or str(error)).lower()
    raise StoreError(f"{path}: the store must be a file that can be opened: {why}.")


def engine(url: URL, *, patience_s: float, answer_s: float = ANSWER_S) -> sa.Engine:
    """Return a connection pool with the settings that the store relies on.

    Parameters
    ----------
    patience_s : float
        Seconds to wait for a lock, a server or a free connection.
    answer_s : float
        Seconds to wait for PostgreSQL's answer to a statement.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    arguments = {"timeout": patience_s} if is_sqlite else {"connect_timeout": math.ceil(patience_s)} | _POSTGRESQL
    pool = sa.create_engine(
        url,
        connect_args=arguments,
        poolclass=sa.QueuePool,
        pool_size=_CONNECTIONS,
        max_overflow=_CONNECTIONS,
        pool_timeout=patience_s,
        pool_pre_ping=not is_sqlite,  # reconnects after a restart of the server
    )
    if is_sqlite:
        sa.event.listen(pool, "connect", lambda connection, _: _configure_sqlite(connection, patience_s))
        sa.event.listen(pool, "begin", lambda connection: _begin(connection, patience_s))
    else:
        sa.event.listen(
            pool, "do_connect", lambda _dialect, _record, names, options: _connect(answer_s, names, options)
        )
        sa.event.listen(pool, "connect", lambda connection, _: _configure_postgresql(connection, patience_s, answer_s))
    return pool


def _connect(answer_s: float, names: Any, options: Any) -> Any:
    """Connect to PostgreSQL, with a clock of ours over every wait: a server that is frozen keeps its sockets open."""
    import psycopg
    from psycopg.errors import _WaitTimeout

    class Connection(psycopg.Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or answer_s + _GRACE_S)
            except _WaitTimeout:
                self.pgconn.finish()  # its state is unknown; the pool opens another one
                raise psycopg.OperationalError(f"the server did not answer within {answer_s:g} s") from None

    return Connection.connect(*names, **options)


def failure_reason(error: BaseException | None) -> str:
    """Return why a database refused, as a clause without a full stop."""
    code = getattr(error, "sqlite_errorcode", None) or getattr(error, "sqlstate", None)
    if isinstance(code, int):
        code &= 0xFF  # the low byte of SQLite's extended codes is the primary code
    return _REASONS.get(code) or str(error).strip().partition("\n")[0].rstrip(".")


def _configure_sqlite(connection: Any, patience_s: float) -> None:
    connection.isolation_level = None  # `_begin` begins transactions
    cursor = connection.cursor()
    for setting in ("foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {setting}")
    # Read first: to set either takes the lock, which a writer may hold.
    if cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        _execute_with_lock(cursor, Deadline(patience_s), "PRAGMA auto_vacuum=INCREMENTAL", "PRAGMA journal_mode=WAL")
    cursor.close()


def _configure_postgresql(connection: Any, patience_s: float, answer_s: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{int(answer_s * 1000)}ms'")
        cursor.execute(f"SET lock_timeout = '{int(patience_s * 1000)}ms'")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


def _begin(connection: sa.Connection, patience_s: float) -> None:
    """Begin a transaction; a write transaction takes the lock at once, because a later upgrade may fail.

    SQLite's own busy handler polls at growing intervals, which starves the process that has waited longest. Polling
    every few milliseconds is fair.
    """
    cursor = connection.connection.cursor()
    try:
        if not connection.get_execution_options().get("writes"):
            cursor.execute("BEGIN")
            return
        cursor.execute("PRAGMA busy_timeout=0")
        try:
            _execute_with_lock(cursor, Deadline(patience_s), "BEGIN IMMEDIATE")
        finally:
            cursor.execute(f"PRAGMA busy_timeout={int(patience_s * 1000)}")
    finally:
        cursor.close()


def _execute_with_lock(cursor: Any, deadline: Deadline, *statements: str) -> None:
    """Execute statements that need the write lock; retry until it is free or the deadline is over."""
    while True:
        try:
            for statement in statements:
                cursor.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or deadline.is_over():
                raise
            time.sleep(random.uniform(*_RETRY_S))  # noqa: S311 - jitter keeps processes out of step
        else:
            return
