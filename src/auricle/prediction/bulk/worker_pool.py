"""Pool of worker processes that apply a function to files: results in order; a crash costs one file, not the run."""

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
"""Most files finished ahead of an unfinished one: bounds memory while one long recording delays the others."""

_TASK_S = 0.1  # duration of a task, which sets its number of files
_MAX_TASK_FILES = 64
_MAX_TASK_CHARACTERS = 16_384  # far below the link's buffer, so that both ends never wait for each other
_TASKS_PER_WORKER = 2  # one in progress, one queued


class Sink(Protocol):
    """Gathers the chunks of one file until its turn; a list is one."""

    def append(self, chunk: Any, /) -> None:
        """Add the next chunk."""


K = TypeVar("K", bound=Sink)


def map_files_in_workers(
    bundle: "Bundle", files: Iterable[Path], function: FileFunction, new_sink: Callable[[], K], *, workers: int
) -> Iterator[tuple[Path, K, WorkerError | None]]:
    """Apply a function to files in worker processes.

    If a worker dies, the files of its task are retried, each alone; a file that kills a second worker fails.

    Parameters
    ----------
    bundle : Bundle
    files : iterable of Path
        Consumed as needed.
    function : FileFunction
    new_sink : function
        Returns an empty sink for the chunks of one file.
    workers : int
        Most processes at a time.

    Yields
    ------
    (file, sink, error), in the order of the files; the error is None unless workers died over the file

    Raises
    ------
    WorkerError : a worker died before it was ready
    """
    pool = WorkerPool((bundle, function), new_sink, workers)
    try:
        yield from pool.run(files)
    finally:
        pool.stop()


@dataclass(slots=True)
class _FileResult(Generic[K]):
    file: Path
    sink: K
    is_done: bool = False
    error: WorkerError | None = None


@dataclass(slots=True)
class _Task:
    """Unfinished files of a worker, by their index in the run."""

    files: dict[int, Path]
    is_retry: bool = False


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    link: "Connection[Any, Any]"
    is_ready: bool = False
    tasks: deque[_Task] = field(default_factory=deque)


class WorkerPool(Generic[K]):
    """Worker processes that serve one run after another; :func:`map_files_in_workers` stops them after one.

    Parameters
    ----------
    job : tuple of (Bundle, FileFunction)
        Sent to every worker.
    new_sink : function
        Returns an empty sink for the chunks of one file.
    size : int
        Most processes.
    """

    def __init__(self, job: tuple[Any, FileFunction], new_sink: Callable[[], K], size: int) -> None:
        self._job = job
        self._new_sink = new_sink
        self._size = size
        self._workers: list[_Worker] = []
        self._results: dict[int, _FileResult[K]] = {}
        self._retries: deque[_Task] = deque()
        self._n_submitted = 0
        self._n_yielded = 0
        self._file_s = _TASK_S  # running mean duration of a file

    def run(self, files: Iterable[Path]) -> Iterator[tuple[Path, K, WorkerError | None]]:
        """Apply the function to files, as :func:`map_files_in_workers`; a run must end before the next one begins."""
        remaining = iter(files)
        while True:
            self._assign_tasks(remaining)
            while (result := self._results.get(self._n_yielded)) is not None and result.is_done:
                yield result.file, result.sink, result.error
                del self._results[self._n_yielded]
                self._n_yielded += 1
                self._assign_tasks(remaining)
            if not self._results:
                return
            by_link = {worker.link: worker for worker in self._workers}
            for link in wait(list(by_link)):
                self._receive(by_link[link])  # type: ignore[index]

    def stop(self) -> None:
        """Kill the processes."""
        for worker in self._workers:
            worker.link.close()
            worker.process.kill()  # they hold no state
            worker.process.wait()

    def _assign_tasks(self, remaining: Iterator[Path]) -> None:
        for load in range(_TASKS_PER_WORKER):  # no worker gets a second task while another has none
            for worker in [w for w in self._workers if len(w.tasks) == load]:
                self._send_task(worker, self._next_task(remaining))
            while load == 0 and len(self._workers) < self._size and (task := self._next_task(remaining)):
                self._workers.append(self._start_worker())
                self._send_task(self._workers[-1], task)

    def _next_task(self, remaining: Iterator[Path]) -> _Task | None:
        if self._retries:
            return self._retries.popleft()
        files: dict[int, Path] = {}
        n_files = min(
            max(1, int(_TASK_S / self._file_s)), _MAX_TASK_FILES, MAX_AHEAD - self._n_submitted + self._n_yielded
        )
        characters = 0
        while (
            len(files) < n_files and characters < _MAX_TASK_CHARACTERS and (file := next(remaining, None)) is not None
        ):
            files[self._n_submitted] = file
            self._results[self._n_submitted] = _FileResult(file, self._new_sink())
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
        except OSError:  # the worker died; the next receive handles it
            self._retries.append(task)
        else:
            worker.tasks.append(task)

    def _receive(self, worker: _Worker) -> None:
        try:
            message = worker.link.recv()
        except (EOFError, OSError, UnpicklingError):
            self._handle_death(worker)
            return
        if message is None:
            worker.is_ready = True
            return
        chunks, seconds = message
        task = worker.tasks[0]
        for index, chunk in chunks:
            result = self._results[index]
            if chunk is None:
                result.is_done = True
                del task.files[index]
            else:
                result.sink.append(chunk)
        if seconds is not None:
            worker.tasks.popleft()
            n_files = max(1, len({index for index, _ in chunks}))
            self._file_s = 0.5 * self._file_s + 0.5 * seconds / n_files

    def _handle_death(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.link.close()
        if not worker.is_ready:
            raise _start_error(worker.process)
        exit_reason = _exit_reason(worker.process)
        # Only the first task had begun; its finished files are no longer in it.
        first, *others = worker.tasks or [_Task({})]
        for index, file in first.files.items():
            result = self._results[index]
            result.sink = self._new_sink()
            if first.is_retry:
                result.is_done = True
                result.error = WorkerError(
                    f"{file}: its worker process died twice, the second time with this file alone, {exit_reason}. "
                    "A decoder may have crashed, or memory run out: convert the file, or leave it out."
                )
            else:
                self._retries.append(_Task({index: file}, is_retry=True))
        self._retries.extend(others)


def _start_error(process: subprocess.Popen[bytes]) -> WorkerError:
    return WorkerError(
        f"A worker process must start, load the model and wait for files. It died before, {_exit_reason(process)}: "
        "is there memory for one more copy of the model? Lower `workers`."
    )


def _exit_reason(process: subprocess.Popen[bytes]) -> str:
    """Return how a process ended; kill it if only its link broke."""
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
