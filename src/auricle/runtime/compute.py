"""Ordered parallel map over the threads of this machine, or over the slots of the engine in use."""

import math
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol, TypeVar

from auricle.errors import UsageError

__all__ = ["Engine", "has_engine", "n_workers", "parallel_map", "use_engine"]

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4
"""Items in flight per worker: enough that one slow item does not leave the others idle."""

_MAX_BATCH_SIZE = 64
_TASKS_A_SLOT = 16  # so many that the slots end at about the same time


class Engine(Protocol):
    """Runs pickled tasks elsewhere: in other processes, or on other machines."""

    @property
    def n_slots(self) -> int:
        """Number of tasks that run at the same time."""

    def run(self, function: Callable[[T], R], items: Iterable[T], *, batch_size: int = 1) -> Iterator[tuple[int, R]]:
        """Yield the index and the result of each item, as soon as it is done.

        Parameters
        ----------
        function : callable
        items : iterable
            Read only a few tasks ahead of the results.
        batch_size : int
            Items per task.
        """


_ENGINE: ContextVar[Engine | None] = ContextVar("engine", default=None)


@contextmanager
def use_engine(engine: Engine | None) -> Iterator[None]:
    """Run the maps with ``on_engine`` of a ``with`` block on an engine; None keeps them on this machine."""
    token = _ENGINE.set(engine)
    try:
        yield
    finally:
        _ENGINE.reset(token)


def has_engine() -> bool:
    """Whether an engine is in use."""
    return _ENGINE.get() is not None


def n_workers(workers: int | None = None) -> int:
    """Return the number of workers to use: the given one, else every core that this process may use.

    Raises
    ------
    UsageError : ``workers`` is below 1
    """
    if workers is None:
        return _usable_cores()
    if workers < 1:
        raise UsageError(f"`workers` must be at least 1. Got {workers}.")
    return workers


def _usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the number of cores that the system, the affinity, the container and ``LOKY_MAX_CPU_COUNT`` allow.

    Equals ``joblib.cpu_count``; importing joblib would take longer than predicting a recording.
    """
    cores = os.cpu_count() or 1
    affinity = len(os.sched_getaffinity(0)) if sys.platform == "linux" else cores
    by_user = int(os.environ.get("LOKY_MAX_CPU_COUNT", cores))
    return max(1, min(cores, affinity, by_user, _container_cores(cgroup) or cores))


def _container_cores(cgroup: Path) -> int | None:
    """Return the cores that a container's CPU quota amounts to, rounded up; None without a quota."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):  # cgroup versions 2 and 1
        try:
            quota, period = " ".join((cgroup / name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        return math.ceil(int(quota) / int(period)) if quota.isdecimal() else None
    return None


def parallel_map(
    function: Callable[[T], R], items: Iterable[T], *, workers: int | None = None, on_engine: bool = False
) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in order, computed in threads.

    Threads suffice: the feature kernels, soundfile, soxr, onnxruntime and scikit-learn's trees release the GIL.
    Items are read only a few ahead of the results, so an endless iterable costs no memory. The first error ends the
    work, and so does closing the iterator.

    Parameters
    ----------
    function : callable
    items : iterable
    workers : int or None
        Threads; None for every core.
    on_engine : bool
        Whether the engine in use, if there is one, does the work. Function, items and results are then pickled, and the
        function may read only files that every machine sees.

    Examples
    --------
    >>> list(parallel_map(abs, [3, -1, -2], workers=2))
    [3, 1, 2]
    """
    count = n_workers(workers)
    engine = _ENGINE.get() if on_engine else None
    if engine is not None:
        yield from _in_order(engine.run(function, items, batch_size=_batch_size(items, engine.n_slots)))
        return
    if count == 1:
        yield from map(function, items)
        return
    due: deque[Future[R]] = deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for item in items:
                due.append(pool.submit(function, item))
                if len(due) == _AHEAD * count:
                    yield due.popleft().result()
            while due:
                yield due.popleft().result()
        finally:
            for future in due:
                future.cancel()


def _batch_size(items: Iterable[object], n_slots: int) -> int:
    if not isinstance(items, Sized):
        return 1
    return max(1, min(_MAX_BATCH_SIZE, len(items) // (_TASKS_A_SLOT * n_slots)))


def _in_order(results: Iterator[tuple[int, R]]) -> Iterator[R]:
    early: dict[int, R] = {}
    due = 0
    for index, result in results:
        early[index] = result
        while due in early:
            yield early.pop(due)
            due += 1
