"""Worker processes side by side: results in the order of the files, and a death costs one file and not the run."""

import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from auricle.errors import WorkerError
from auricle.prediction.bulk.worker import FileFunction

if TYPE_CHECKING:
    from auricle.bundles.bundle import Bundle

__all__ = ["MAX_AHEAD", "Sink", "WorkerPool", "map_files_in_workers"]

MAX_AHEAD = 8192
"""Files that may be answered before the first that is not: bounds memory while one long recording holds the rest up."""

_TASK_S = 0.1  # a task holds as many files as take about so long
_MAX_TASK_FILES = 64
_MAX_TASK_CHARACTERS = 16_384  # far below what a link holds, so that both ends never wait for each other
_TASKS_AHEAD = 2  # tasks that a worker has: one in work, one at hand


class Sink(Protocol):
    """Where the pieces of one file's answer gather until it is its turn; a list is one."""

    def append(self, chunk: Any, /) -> None:
        """Take the next piece."""


K = TypeVar("K", bound=Sink)


def map_files_in_workers(
    bundle: "Bundle", files: Iterable[Path], function: FileFunction, new_sink: Callable[[], K], *, workers: int
) -> Iterator[tuple[Path, K, WorkerError | None]]:
    """Answer files in processes of their own.

    The files of a task over which a worker died are asked about once more, each alone; the one that kills again is
    given up.

    Parameters
    ----------
    bundle : the model
    files : taken as they are needed
    function : what each worker does with a file
    new_sink : makes the place for the pieces of one file
    workers : most processes at a time

    Yields
    ------
    file, its pieces, and the error if workers died over it: in the order of the files

    Raises
    ------
    WorkerError : a worker died before it could begin
    """
    pool = WorkerPool((bundle, function), new_sink, workers)
    try:
        yield from pool.run(files)
    finally:
        pool.stop()


@dataclass(slots=True)
class _Slot(Generic[K]):
    file: Path
    sink: K
    is_done: bool = False
    error: WorkerError | None = None


@dataclass(slots=True)
class _Task:
    """Files that a worker still owes, by their place in the run."""

    files: dict[int, Path]
    is_last_try: bool = False


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    link: "Connection[Any, Any]"
    is_ready: bool = False
    tasks: deque[_Task] = field(default_factory=deque)


class WorkerPool(Generic[K]):
    """Some worker processes, which answer one run after another; :func:`map_files_in_workers` is one that ends with its run.

    Parameters
    ----------
    job : the model, and what each worker does with a file
    new_sink : makes the place for the pieces of one file
    size : most processes
    """

    def __init__(self, job: tuple[Any, FileFunction], new_sink: Callable[[], K], size: int) -> None:
        self._job = job
        self._new_sink = new_sink
        self._size = size
        self._workers: list[_Worker] = []
        self._slots: dict[int, _Slot[K]] = {}
        self._retries: deque[_Task] = deque()
        self._n_submitted = 0
        self._n_yielded = 0
        self._file_s = _TASK_S  # what a file takes, as lately seen

    def run(self, files: Iterable[Path]) -> Iterator[tuple[Path, K, WorkerError | None]]:
        """Answer files, as :func:`map_files_in_workers`; a run must come to its end before the next one begins."""
        fresh = iter(files)
        while True:
            self._assign_tasks(fresh)
            while (slot := self._slots.get(self._n_yielded)) is not None and slot.is_done:
                yield slot.file, slot.sink, slot.error
                del self._slots[self._n_yielded]
                self._n_yielded += 1
                self._assign_tasks(fresh)
            if not self._slots:
                return
            by_link = {worker.link: worker for worker in self._workers}
            for link in wait(list(by_link)):
                self._receive(by_link[link])  # type: ignore[index]

    def stop(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.link.close()
            worker.process.kill()  # they hold nothing that could be lost
            worker.process.wait()

    def _assign_tasks(self, fresh: Iterator[Path]) -> None:
        for load in range(_TASKS_AHEAD):  # nobody gets a second task while another has none
            for worker in [w for w in self._workers if len(w.tasks) == load]:
                self._send_task(worker, self._next_task(fresh))
            while load == 0 and len(self._workers) < self._size and (task := self._next_task(fresh)):
                self._workers.append(self._start_worker())
                self._send_task(self._workers[-1], task)

    def _next_task(self, fresh: Iterator[Path]) -> _Task | None:
        if self._retries:
            return self._retries.popleft()
        files: dict[int, Path] = {}
        n_files = min(
            max(1, int(_TASK_S / self._file_s)), _MAX_TASK_FILES, MAX_AHEAD - self._n_submitted + self._n_yielded
        )
        characters = 0
        while len(files) < n_files and characters < _MAX_TASK_CHARACTERS and (file := next(fresh, None)) is not None:
            files[self._n_submitted] = file
            self._slots[self._n_submitted] = _Slot(file, self._new_sink())
            self._n_submitted += 1
            characters += len(str(file))
        return _Task(files) if files else None

    def _start_worker(self) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-P", "-m", "auricle.prediction.bulk.worker", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # one core each
                )
            except OSError as error:
                ours.close()
                raise WorkerError(
                    f"A worker process must start. It cannot: {error.strerror}. Lower `workers`."
                ) from error
        worker = _Worker(process, Connection(ours.detach()))
        try:
            worker.link.send(self._job)
        except OSError:
            worker.link.close()
            raise _start_error(process) from None
        return worker

    def _send_task(self, worker: _Worker, task: _Task | None) -> None:
        if task is None:
            return
        try:
            worker.link.send([(index, os.fspath(file)) for index, file in task.files.items()])
        except OSError:  # it died; reading from the link will say so
            self._retries.append(task)
        else:
            worker.tasks.append(task)

    def _receive(self, worker: _Worker) -> None:
        try:
            message = worker.link.recv()
        except (EOFError, OSError, UnpicklingError):
            self._replace_dead(worker)
            return
        if message is None:
            worker.is_ready = True
            return
        chunks, seconds = message
        task = worker.tasks[0]
        for index, chunk in chunks:
            slot = self._slots[index]
            if chunk is None:
                slot.is_done = True
                del task.files[index]
            else:
                slot.sink.append(chunk)
        if seconds is not None:
            worker.tasks.popleft()
            n_files = max(1, len({index for index, _ in chunks}))
            self._file_s = 0.5 * self._file_s + 0.5 * seconds / n_files

    def _replace_dead(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.link.close()
        if not worker.is_ready:
            raise _start_error(worker.process)
        died = _exit_reason(worker.process)
        # Only the first task had begun. Its files that were answered are no longer in it.
        first, *others = worker.tasks or [_Task({})]
        for index, file in first.files.items():
            slot = self._slots[index]
            slot.sink = self._new_sink()
            if first.is_last_try:
                slot.is_done = True
                slot.error = WorkerError(
                    f"{file}: the process that answered it died twice, the second time alone with it, {died}. "
                    "A decoder may have crashed over it, or memory run out: convert the file, or leave it out."
                )
            else:
                self._retries.append(_Task({index: file}, is_last_try=True))
        self._retries.extend(others)


def _start_error(process: subprocess.Popen[bytes]) -> WorkerError:
    return WorkerError(
        f"A worker process must start, load the model and wait for files. It died before, {_exit_reason(process)}: "
        "is there memory for one more copy of the model? Lower `workers`."
    )


def _exit_reason(process: subprocess.Popen[bytes]) -> str:
    """Say how a process ended, or end it if its link broke and it did not."""
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"by signal {-code}"
