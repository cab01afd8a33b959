"""The ``Store`` facade: predictions, labels, models, keys, checks, and state shared by server processes."""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from auricle.records import Entry
from auricle.store.checks import Checks
from auricle.store.database import PATIENCE_S, Database
from auricle.store.dialects import ANSWER_S
from auricle.store.idempotency import IdempotencyKeys
from auricle.store.keys import Keys
from auricle.store.labels import review
from auricle.store.labels.feedback import Feedback
from auricle.store.leases import Leases
from auricle.store.migrations import migrate
from auricle.store.predictions import log, retention, scan
from auricle.store.predictions.filters import Filter
from auricle.store.predictions.writer import Writer
from auricle.store.rate_limits import SharedLimits
from auricle.store.registry.aliases import Aliases
from auricle.store.registry.models import Models
from auricle.store.registry.retraining_log import Decisions

__all__ = ["Store"]

EVERYTHING = Filter()


class Store:
    """The database of one service; threads may share it, every process opens its own; a context manager.

    Parameters
    ----------
    database : Database
        Migrated to the newest schema; :meth:`open` does that.

    Attributes
    ----------
    feedback : Feedback
    keys : Keys
    models : Models
    aliases : Aliases
    checks : Checks
    decisions : Decisions
    claims : IdempotencyKeys
    leases : Leases
    rate_limits : SharedLimits
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.feedback = Feedback(database)
        self.keys = Keys(database)
        self.models = Models(database)
        self.aliases = Aliases(database)
        self.checks = Checks(database)
        self.decisions = Decisions(database)
        self.claims = IdempotencyKeys(database)
        self.leases = Leases(database)
        self.rate_limits = SharedLimits(database)

    @classmethod
    def open(cls, url: str, *, create: bool = True, patience_s: float = PATIENCE_S, answer_s: float = ANSWER_S) -> Self:
        """Open a store, and create or migrate its tables if necessary.

        Parameters
        ----------
        url : str
            ``sqlite:///FILE``, ``postgresql://USER@HOST/DATABASE``, or the path of a SQLite file.
        create : bool
            Create a missing SQLite file.
        patience_s : float
            Seconds to wait for a lock or a server.
        answer_s : float
            Seconds to wait for PostgreSQL's answer to a statement.

        Raises
        ------
        UsageError : the URL is neither SQLite's nor PostgreSQL's
        StoreError : the database cannot be used, or was written by a newer version of auricle
        """
        database = Database(url, create=create, patience_s=patience_s, answer_s=answer_s)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add entries in one transaction; see :func:`auricle.store.predictions.log.add`."""
        log.add(self.database, entries)

    def add_missing(self, entries: Iterable[Entry]) -> None:
        """Add the entries that are not stored yet; see :func:`auricle.store.predictions.log.add_missing`."""
        log.add_missing(self.database, entries)

    def writer(self) -> Writer:
        """Start the thread that commits entries in batches; one per process, closed before the store."""
        return Writer(self.database)

    def entry(self, identity: str) -> Entry:
        """Return one entry; see :func:`auricle.store.predictions.log.entry`."""
        return log.entry(self.database, identity)

    def entries(self, filters: Filter = EVERYTHING, *, cursor: str | None = None, limit: int = 100) -> log.Page:
        """Return a page of entries, newest first; see :func:`auricle.store.predictions.log.entries`."""
        return log.entries(self.database, filters, cursor=cursor, limit=limit)

    def sound(self, identity: str) -> bytes:
        """Return the stored FLAC of an entry; see :func:`auricle.store.predictions.log.sound`."""
        return log.sound(self.database, identity)

    def delete(self, identity: str, *, who: str = "") -> None:
        """Delete an entry with its feedback and sound; see :func:`auricle.store.predictions.log.delete`."""
        log.delete(self.database, identity, who=who)

    def scan(self, filters: Filter = EVERYTHING, *, with_rows: bool = False) -> Iterator[scan.Batch]:
        """Yield entries as arrays, oldest first; see :func:`auricle.store.predictions.scan.scan`."""
        return scan.scan(self.database, filters, with_rows=with_rows)

    def review(self, filters: Filter = EVERYTHING, *, limit: int = 20) -> tuple[review.Candidate, ...]:
        """Return the entries most worth labelling; see :func:`auricle.store.labels.review.review_queue`."""
        return review.review_queue(self.database, filters, limit=limit)

    def sweep(self, policy: retention.RetentionPolicy) -> retention.SweepResult | None:
        """Apply a retention policy and delete expired claims and buckets; None while another process does so.

        Raises
        ------
        StoreError : the database cannot be written
        """
        lease = self.leases.take("sweep", for_s=600.0)
        if lease is None:
            return None
        try:
            self.claims.sweep()
            self.rate_limits.sweep()
            return retention.sweep(self.database, policy)
        finally:
            self.leases.release(lease)

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
