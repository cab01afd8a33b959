"""What is different about SQLite and PostgreSQL: their URLs, the settings of a connection, and the codes of errors."""

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

__all__ = ["DEFAULT_URL", "engine", "parse_url", "ensure_file", "failure_reason"]

DEFAULT_URL: Final = "sqlite:///auricle.db"

_CONNECTIONS: Final = 8
_ASKED_AGAIN_S: Final = (0.0005, 0.003)
_STATEMENT_S: Final = 30.0  # a statement that a server is still at after this is lost

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

_POSTGRESQL: Final = {
    "keepalives_idle": 10,  # seconds: a server whose machine vanished is noticed within half a minute
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}


def parse_url(url: str) -> URL:
    """Return a store's URL; a text without ``://`` is the path of a SQLite file.

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
    """See that a SQLite file is there, and make it for its owner alone where it is not.

    Raises
    ------
    StoreError : it is not there and must not be made, or it cannot be opened
    """
    try:
        if not path.exists() and create:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # it will hold sounds and the hashes of keys
        if path.is_file():
            return
        why = "it is not a file" if path.exists() else "there is no such file"
    except OSError as error:
        why = (error.strerror or str(error)).lower()
    raise StoreError(f"{path}: the store must be a file that can be opened: {why}.")


def engine(url: URL, *, patience_s: float) -> sa.Engine:
    """Return a pool of connections, each with the settings that the store relies on.

    Parameters
    ----------
    patience_s : how long to wait for a lock, a server or a free connection
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    arguments = {"timeout": patience_s} if is_sqlite else {"connect_timeout": math.ceil(patience_s)} | _POSTGRESQL
    made = sa.create_engine(
        url,
        connect_args=arguments,
        poolclass=sa.QueuePool,
        pool_size=_CONNECTIONS,
        max_overflow=_CONNECTIONS,
        pool_timeout=patience_s,
        pool_pre_ping=not is_sqlite,  # so that a server that was restarted is found again
    )
    tune = _tune_sqlite if is_sqlite else _tune_postgresql
    sa.event.listen(made, "connect", lambda connection, _: tune(connection, patience_s))
    if is_sqlite:
        sa.event.listen(made, "begin", lambda connection: _begin(connection, patience_s))
    return made


def failure_reason(error: BaseException | None) -> str:
    """Return why a database refused, in a few words without an end."""
    code = getattr(error, "sqlite_errorcode", None) or getattr(error, "sqlstate", None)
    if isinstance(code, int):
        code &= 0xFF  # SQLite's extended codes say in their low byte what kind they are
    return _REASONS.get(code) or str(error).strip().partition("\n")[0].rstrip(".")


def _tune_sqlite(connection: Any, patience_s: float) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says
    cursor = connection.cursor()
    for setting in ("foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {setting}")
    # Asked first: to set either takes the lock, which a writer may hold.
    if cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        _locked(cursor, Deadline(patience_s), "PRAGMA auto_vacuum=INCREMENTAL", "PRAGMA journal_mode=WAL")
    cursor.close()


def _tune_postgresql(connection: Any, patience_s: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{_STATEMENT_S:g}s'")
        cursor.execute(f"SET lock_timeout = '{int(patience_s * 1000)}ms'")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


def _begin(connection: sa.Connection, patience_s: float) -> None:
    """Begin a transaction; one that will write takes the lock at once, because later it may not be given it.

    SQLite itself asks for the lock at growing intervals, so that of several processes those that have waited longest
    ask least often. Asked every few milliseconds, it comes to all of them alike.
    """
    cursor = connection.connection.cursor()
    try:
        if not connection.get_execution_options().get("writes"):
            cursor.execute("BEGIN")
            return
        cursor.execute("PRAGMA busy_timeout=0")
        try:
            _locked(cursor, Deadline(patience_s), "BEGIN IMMEDIATE")
        finally:
            cursor.execute(f"PRAGMA busy_timeout={int(patience_s * 1000)}")
    finally:
        cursor.close()


def _locked(cursor: Any, deadline: Deadline, *statements: str) -> None:
    """Execute statements that need the lock; ask again until they are given it, or the deadline is over."""
    while True:
        try:
            for statement in statements:
                cursor.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or deadline.is_over():
                raise
            time.sleep(random.uniform(*_ASKED_AGAIN_S))  # noqa: S311 - so that two do not keep step
        else:
            return
