"""The one place where work is spread over cores; joblib is the seam, so a cluster's backend can take its place."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import joblib

from auricle.errors import UsageError

__all__ = ["n_workers", "spread"]

T = TypeVar("T")
R = TypeVar("R")


def n_workers(workers: int | None = None) -> int:
    """Return how many workers to use: what was asked for, else every core that this process may use.

    Raises
    ------
    UsageError : ``workers`` is below 1
    """
    if workers is None:
        return int(joblib.cpu_count())
    if workers < 1:
        raise UsageError(f"`workers` must be at least 1. Got {workers}.")
    return workers


def spread(function: Callable[[T], R], items: Iterable[T], *, workers: int | None = None) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in the order of the items, computed by threads side by side.

    Threads suffice: the feature kernels, soundfile, soxr, onnxruntime and scikit-learn's trees release the GIL.
    Items are taken a few ahead of the results, so an endless iterable costs no memory.
    """
    count = n_workers(workers)
    if count == 1:
        yield from map(function, items)
        return
    parallel = joblib.Parallel(n_jobs=count, prefer="threads", return_as="generator", pre_dispatch="4 * n_jobs")
    yield from parallel(joblib.delayed(function)(item) for item in items)
