"""The writer thread of a process: predictions in, batched commits out; a future resolves after its commit."""

import contextlib
import hashlib
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from auricle.errors import AuricleError, ConflictError, StoreError
from auricle.records import Entry
from auricle.runtime.clock import Deadline
from auricle.store import blobs
from auricle.store.database import Database
from auricle.store.idempotency import Claim, complete_claim
from auricle.store.predictions.encoding import to_row
from auricle.store.tables import PREDICTIONS

__all__ = ["CAPACITY", "LINGER_S", "MAX_BATCH", "Writer"]

MAX_BATCH: Final = 32
LINGER_S: Final = 0.005
CAPACITY: Final = 1024


@dataclass(frozen=True, slots=True)
class _Job:
    entry: Entry
    row: dict[str, Any]
    sound: bytes | None
    claim: Claim | None
    future: "Future[Entry]"


class Writer:
    """A thread that commits entries in batches; a context manager, which flushes the queue before it ends.

    If the store cannot be used, a batch and the whole queue behind it fail together, within twice the patience of a
    connection. The next entry tries again, so the writer recovers by itself.

    Parameters
    ----------
    database : Database
    max_batch : int
        Most entries of a commit.
    linger_s : float
        Seconds that the first entry of a batch waits for more.
    capacity : int
        Most queued entries; further ones are refused at once.
    """

    def __init__(
        self, database: Database, *, max_batch: int = MAX_BATCH, linger_s: float = LINGER_S, capacity: int = CAPACITY
    ) -> None:
        self._database = database
        self._most, self._linger_s = max_batch, linger_s
        self._waiting: queue.Queue[_Job | None] = queue.Queue(capacity + 1)  # one more for the None that ends it
        self._capacity = capacity
        self._closing = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="auricle-writer", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry, *, sound: bytes | None = None, claim: Claim | None = None) -> "Future[Entry]":
        """Queue an entry, and return a future that resolves after its commit.

        Parameters
        ----------
        entry : Entry
        sound : bytes or None
            FLAC to store; the stored entry then holds its digest.
        claim : Claim or None
            The client's idempotency key, completed in the same commit.

        Returns
        -------
        Future of Entry
            The entry as stored. It raises ConflictError if the id is already stored, and StoreError if the store
            cannot be used. Cancelled in time, the entry is not written.

        Raises
        ------
        StoreError : the queue is full, or the writer is closed
        """
        if sound is not None:
            entry = replace(entry, audio=hashlib.sha256(sound).hexdigest())
        job = _Job(entry, to_row(entry), sound=sound, claim=claim, future=Future())
        with self._closing:
            if self._is_closed:
                raise StoreError("The store's writer is closed: the process is ending.")
            if self._waiting.qsize() >= self._capacity:
                raise StoreError(f"The store is slower than its writers: {self._capacity} entries wait.")
            self._waiting.put_nowait(job)
        return job.future

    def close(self) -> None:
        """Flush the queue and end the thread; further calls do nothing."""
        with self._closing:
            if not self._is_closed:
                self._is_closed = True
                self._waiting.put_nowait(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            jobs, is_last = self._next_batch()
            jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if jobs:
                self._write(jobs)

    def _next_batch(self) -> tuple[list[_Job], bool]:
        """Wait for an entry, then briefly for more; also return whether the queue has ended."""
        first = self._waiting.get()
        if first is None:
            return [], True
        jobs, deadline = [first], Deadline(self._linger_s)
        while len(jobs) < self._most:
            try:
                job = self._waiting.get(timeout=deadline.left_s())
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _write(self, jobs: list[_Job]) -> None:
        try:
            self._commit(jobs)
        except (IntegrityError, ConflictError) as error:
            if len(jobs) > 1:  # one entry violates a constraint: only that one must fail
                for job in jobs:
                    self._write([job])
            else:
                jobs[0].future.set_exception(error if isinstance(error, ConflictError) else _conflict(jobs[0], error))
        except AuricleError as error:
            self._fail(jobs, error)
        except Exception as error:  # noqa: BLE001 - every future must resolve, and the thread must go on
            self._fail(jobs, StoreError(f"The entries could not be written: {error}."))
        else:
            for job in jobs:
                job.future.set_result(job.entry)

    def _commit(self, jobs: list[_Job]) -> None:
        with self._database.write() as connection:
            sounds = {job.entry.audio: job.sound for job in jobs if job.sound is not None}
            for _, sound in sorted(sounds.items(), key=lambda item: str(item[0])):
                blobs.put(self._database, connection, sound)
            connection.execute(sa.insert(PREDICTIONS), [job.row for job in jobs])
            for job in jobs:
                if job.claim is not None:
                    complete_claim(connection, job.claim, job.entry.id)

    def _fail(self, jobs: list[_Job], error: AuricleError) -> None:
        """Fail a batch and the queue behind it, which would otherwise wait as long for the same error."""
        with contextlib.suppress(queue.Empty):
            while (job := self._waiting.get_nowait()) is not None:
                if job.future.set_running_or_notify_cancel():
                    jobs.append(job)
            self._waiting.put_nowait(None)  # the end was in the queue: put it back
        for job in jobs:
            if not job.future.done():
                job.future.set_exception(error)


def _conflict(job: _Job, error: IntegrityError) -> ConflictError:
    conflict = ConflictError(f"Every entry must have an id of its own. {job.entry.id} is in the store already.")
    conflict.__cause__ = error
    return conflict
