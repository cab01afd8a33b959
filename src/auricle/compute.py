"""The one place where work is spread over cores; an executor is the seam, and a cluster's client gives one too."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from auricle.errors import UsageError

__all__ = ["n_workers", "spread"]

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4
"""Items a worker that are taken before the first result is: enough that a slow one holds nobody up."""


def n_workers(workers: int | None = None) -> int:
    """Return how many workers to use: what was asked for, else every core that this process may use.

    Raises
    ------
    UsageError : ``workers`` is below 1
    """
    if workers is None:
        import joblib  # slow to import, and needed for this alone

        return int(joblib.cpu_count())
    if workers < 1:
        raise UsageError(f"`workers` must be at least 1. Got {workers}.")
    return workers


def spread(function: Callable[[T], R], items: Iterable[T], *, workers: int | None = None) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in the order of the items, computed by threads side by side.

    Threads suffice: the feature kernels, soundfile, soxr, onnxruntime and scikit-learn's trees release the GIL.
    Items are taken a few ahead of the results, so an endless iterable costs no memory. The first error ends the work;
    so does the caller who stops asking.
    """
    count = n_workers(workers)
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
