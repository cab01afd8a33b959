"""The one place where work is spread: over the cores of this machine, or over those of an engine that is in use."""

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

__all__ = ["Engine", "has_engine", "n_workers", "parallel_map", "use"]

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4
"""Items a worker that are taken before the first result is: enough that a slow one holds nobody up."""

_MOST_TOGETHER = 64
_TASKS_A_SLOT = 16  # so many that the last ones end at about the same time


class Engine(Protocol):
    """What does work elsewhere: in other processes, on other machines. It must be able to pickle what it is given."""

    @property
    def n_slots(self) -> int:
        """How many pieces of work it does side by side."""

    def run(self, function: Callable[[T], R], items: Iterable[T], *, together: int = 1) -> Iterator[tuple[int, R]]:
        """Yield the index of each item and what the function makes of it, as soon as that is there.

        Parameters
        ----------
        together : items that are sent at once; only a few times as many as are worked on are taken ahead
        """


_ENGINE: ContextVar[Engine | None] = ContextVar("engine", default=None)


@contextmanager
def use(engine: Engine | None) -> Iterator[None]:
    """Let an engine do what `parallel_map` may send away, for the length of a block; None keeps all work here."""
    token = _ENGINE.set(engine)
    try:
        yield
    finally:
        _ENGINE.reset(token)


def has_engine() -> bool:
    """Whether an engine is in use."""
    return _ENGINE.get() is not None


def n_workers(workers: int | None = None) -> int:
    """Return how many workers to use: what was asked for, else every core that this process may use.

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
    """Return how many cores the system, this process's affinity, its container and ``LOKY_MAX_CPU_COUNT`` allow.

    The number that ``joblib.cpu_count`` returns; joblib takes longer to import than a recording takes to predict.
    """
    cores = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else cores
    by_user = int(os.environ.get("LOKY_MAX_CPU_COUNT", cores))
    return max(1, min(cores, allowed, by_user, _container_cores(cgroup) or cores))


def _container_cores(cgroup: Path) -> int | None:
    """Return the cores that a container's quota of processor time makes, in part or whole; None without a quota."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):  # of version 2, of version 1
        try:
            quota, period = " ".join((cgroup / name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        return math.ceil(int(quota) / int(period)) if quota.isdecimal() else None
    return None


def parallel_map(
    function: Callable[[T], R], items: Iterable[T], *, workers: int | None = None, may_leave: bool = False
) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in the order of the items, computed by threads side by side.

    Threads suffice: the feature kernels, soundfile, soxr, onnxruntime and scikit-learn's trees release the GIL.
    Items are taken a few ahead of the results, so an endless iterable costs no memory. The first error ends the work;
    so does the caller who stops asking.

    Parameters
    ----------
    workers : threads; None for every core
    may_leave : whether an engine that is in use does the work instead: function, items and results can be pickled, and
        the function reads no files but those that every machine sees
    """
    count = n_workers(workers)
    engine = _ENGINE.get() if may_leave else None
    if engine is not None:
        yield from _in_order(engine.run(function, items, together=_together(items, engine.n_slots)))
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


def _together(items: Iterable[object], n_slots: int) -> int:
    if not isinstance(items, Sized):
        return 1
    return max(1, min(_MOST_TOGETHER, len(items) // (_TASKS_A_SLOT * n_slots)))


def _in_order(results: Iterator[tuple[int, R]]) -> Iterator[R]:
    early: dict[int, R] = {}
    due = 0
    for index, result in results:
        early[index] = result
        while due in early:
            yield early.pop(due)
            due += 1
