"""Feature cache on disk, keyed by the content of the recording and everything that determines the values.

A SQLite file holds small arrays; larger ones (images) are `.npy` files beside it, named by their hash. Each recording
is committed once computed, so a killed run resumes where it stopped. Several processes may share one folder. A cache
that cannot be written warns once and is ignored.
"""

import hashlib
import io
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
import scipy
import soundfile
import soxr
from numpy.typing import NDArray

from auricle.errors import OutputError
from auricle.runtime import files

__all__ = ["DEFAULT_MAX_BYTES", "CacheWarning", "FeatureCache", "default_folder", "key_of"]

DEFAULT_MAX_BYTES: Final = 10 * 10**9
SCHEMA: Final = 1
"""Version of the tables; a file of another version is rebuilt, not migrated."""

_INLINE_BYTES = 1 << 18
_EVICT_EVERY = 256  # entries written between two checks of the size
_EVICT_TO = 0.9  # of the limit

_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    key BLOB PRIMARY KEY, used REAL NOT NULL, bytes INTEGER NOT NULL, content BLOB NOT NULL, digest BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_by_use ON entries (used);
CREATE TABLE IF NOT EXISTS arrays (
    key BLOB NOT NULL REFERENCES entries (key) ON DELETE CASCADE, name TEXT NOT NULL, file TEXT NOT NULL,
    PRIMARY KEY (key, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS arrays_by_file ON arrays (file);
"""

_VERSIONS = (
    f"libsndfile {soundfile.__libsndfile_version__}",
    f"soxr {soxr.__version__} {soxr.__libsoxr_version__}",
    f"numba {numba.__version__}",
    f"numpy {np.__version__}",
    f"scipy {scipy.__version__}",
)


class CacheWarning(UserWarning):
    """The cache cannot be used, or was rebuilt."""


def default_folder() -> Path:
    """Return the folder of the cache: ``AURICLE_CACHE_DIR``, else ``auricle`` in the user's cache folder."""
    if named := os.environ.get("AURICLE_CACHE_DIR"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auricle"


def key_of(sound: bytes, part: str, *fingerprints: str) -> bytes:
    """Return the key of one recording's features, SHA-256.

    Parameters
    ----------
    sound : bytes
        Hash of the file's content.
    part : str
        Name of the part of the file.
    fingerprints : str
        Fingerprints of the specs; each includes the version of the kernels.

    The versions of decoder, resampler and numerical libraries are part of every key.
    """
    return hashlib.sha256("\n".join((sound.hex(), part, *fingerprints, *_VERSIONS)).encode()).digest()


class FeatureCache:
    """Named arrays by key, shared by threads and processes.

    Parameters
    ----------
    folder : path
        Created if missing.
    max_bytes : int
        Limit on the size; the least recently used entries are dropped.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.folder = default_folder() if folder is None else Path(folder)
        self.max_bytes = max_bytes
        self._path = self.folder / "features.sqlite"
        self._lock = threading.RLock()
        self._touched: dict[bytes, float] = {}
        self._puts = 0
        self._database: sqlite3.Connection | None = None
        with self._disabled_on_error():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._database = self._connected()
            self._evict(self._database)

    def __reduce__(self) -> tuple[Callable[[int], "FeatureCache"], tuple[int]]:
        return _own_cache, (self.max_bytes,)  # every machine of a cluster keeps its own

    @property
    def is_open(self) -> bool:
        """Whether the cache works: False after `close` and after a disk error."""
        return self._database is not None

    def get(self, key: bytes) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of a key, or None; an entry that does not match its hash is dropped."""
        found = None
        with self._lock, self._disabled_on_error():
            if self._database is not None:
                found = self._read(self._database, key)
        return found

    def put(self, key: bytes, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store arrays under a key; committed on return."""
        with self._lock, self._disabled_on_error():
            database = self._database
            if database is None:
                return
            large = {name: array for name, array in arrays.items() if array.nbytes > _INLINE_BYTES}
            content = _packed({name: array for name, array in arrays.items() if name not in large})
            written = [(key, name, self._write(array)) for name, array in large.items()]
            size = len(content) + sum(array.nbytes for array in large.values())
            entry = (key, time.time(), size, content, hashlib.sha256(content).digest())
            with database:
                database.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", entry)
                database.executemany("INSERT OR REPLACE INTO arrays VALUES (?, ?, ?)", written)
            self._puts += 1
            if self._puts % _EVICT_EVERY == 0:
                self._evict(database)

    def close(self) -> None:
        """Record the times of use, evict what exceeds the limit, and close the file."""
        with self._lock, self._disabled_on_error():
            if self._database is not None:
                self._evict(self._database)
                self._database.close()
                self._database = None

    def _connected(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            warnings.warn(
                f"{self._path}: the feature cache was damaged and is rebuilt ({error}).", CacheWarning, stacklevel=4
            )
            self._discard()
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=10.0, check_same_thread=False)
        database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;")
        (schema,) = database.execute("PRAGMA user_version").fetchone()
        if schema not in (0, SCHEMA):
            database.executescript("DROP TABLE IF EXISTS arrays; DROP TABLE IF EXISTS entries;")
        database.executescript(_TABLES)
        database.execute(f"PRAGMA user_version={SCHEMA}")
        database.execute("SELECT key, used, bytes, content, digest FROM entries LIMIT 1").fetchone()
        return database

    def _discard(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def _disabled_on_error(self) -> Iterator[None]:
        """On an error of the disk or database, warn once and continue without the cache."""
        try:
            yield
        except (sqlite3.Error, OSError, OutputError) as error:
            self._database = None
            warnings.warn(f"{self.folder}: features are not kept ({error}).", CacheWarning, stacklevel=4)

    def _read(self, database: sqlite3.Connection, key: bytes) -> dict[str, NDArray[Any]] | None:
        row = database.execute("SELECT content, digest FROM entries WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        named = database.execute("SELECT name, file FROM arrays WHERE key = ?", (key,)).fetchall()
        arrays = _unpacked(*row)
        with suppress(OSError, ValueError, EOFError):
            if arrays is not None:
                arrays |= {name: np.load(self._array(file), mmap_mode="r", allow_pickle=False) for name, file in named}
                self._touched[key] = time.time()
                return arrays
        with database:
            database.execute("DELETE FROM entries WHERE key = ?", (key,))
        return None

    def _evict(self, database: sqlite3.Connection) -> None:
        with database:
            database.executemany(
                "UPDATE entries SET used = ? WHERE key = ?", [(t, k) for k, t in self._touched.items()]
            )
        self._touched.clear()
        (total,) = database.execute("SELECT COALESCE(SUM(bytes), 0) FROM entries").fetchone()
        if total <= self.max_bytes:
            return
        oldest = database.execute("SELECT key, bytes FROM entries ORDER BY used").fetchall()
        dropped = []
        for key, size in oldest:
            if total <= self.max_bytes * _EVICT_TO:
                break
            dropped.append((key,))
            total -= size
        with database:
            database.executemany("DELETE FROM entries WHERE key = ?", dropped)
        self._sweep(database)

    def _sweep(self, database: sqlite3.Connection) -> None:
        """Remove files without an entry, unless they are less than a minute old and may still get one."""
        named = {file for (file,) in database.execute("SELECT DISTINCT file FROM arrays")}
        for file in self.folder.glob("arrays/*/*.npy"):
            with suppress(FileNotFoundError):
                if file.stem not in named and file.stat().st_mtime < time.time() - 60:
                    file.unlink()

    def _array(self, digest: str) -> Path:
        return self.folder / "arrays" / digest[:2] / f"{digest}.npy"

    def _write(self, array: NDArray[Any]) -> str:
        content = _npy(array)
        digest = hashlib.sha256(content).hexdigest()
        path = self._array(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_bytes(path, content)
        return digest


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _unpacked(content: bytes, digest: bytes) -> dict[str, NDArray[Any]] | None:
    if hashlib.sha256(content).digest() != digest:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


@lru_cache(maxsize=1)
def _own_cache(max_bytes: int) -> FeatureCache:
    return FeatureCache(max_bytes=max_bytes)
