"""Engines that run tasks in other processes or on other machines: a Dask cluster, or any backend of joblib."""

import importlib.metadata
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from auricle.errors import ClusterError, UsageError
from auricle.runtime.compute import Engine, use_engine

__all__ = ["DaskEngine", "JoblibEngine", "open_engine"]

T = TypeVar("T")
R = TypeVar("R")

CONNECT_S = 5
WORKERS_S = 10
_AHEAD = 3  # tasks in flight per slot: one running, and the next ones waiting there


@contextmanager
def open_engine(name: str) -> Iterator[Engine | None]:
    """Connect to an engine, and run the maps of a ``with`` block on it; yield None for ``local``.

    Parameters
    ----------
    name : str
        ``local``, ``dask://HOST:PORT`` or ``joblib:BACKEND``.

    Raises
    ------
    UsageError : another name, or a library that is not installed
    ClusterError : the scheduler cannot be reached, has no workers, or they have another version of auricle
    """
    if name == "local":
        yield None
    elif found := re.fullmatch(r"dask://([^/]+:\d+)", name):
        with _connect_dask(found[1]) as engine, use_engine(engine):
            yield engine
    elif found := re.fullmatch(r"joblib:(\w+)", name):
        with use_engine(backend := JoblibEngine(found[1])):
            yield backend
    else:
        raise UsageError(f"`engine` must be local, dask://HOST:PORT or joblib:BACKEND. Got {name!r}.")


@contextmanager
def _connect_dask(address: str) -> Iterator["DaskEngine"]:
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise UsageError("A Dask cluster needs the extra `cluster`: pip install 'auricle[cluster]'.") from error
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # we raise its errors
    # With certificates in Dask's configuration, connect by TLS alone.
    scheme = "tls" if dask.config.get("distributed.comm.tls.ca-file", None) else "tcp"
    try:
        try:
            client = Client(f"{scheme}://{address}", timeout=CONNECT_S, set_as_default=False, name="auricle")
        except (OSError, ValueError, RuntimeError) as error:
            raise ClusterError(
                f"A Dask scheduler must answer at {address} within {CONNECT_S} s. It does not "
                f"({type(error).__name__}). Start it with `dask scheduler`, or check host, port and firewall."
            ) from error
        with client:
            _check_workers(client, address)
            yield DaskEngine(client)
    finally:
        logger.setLevel(level)


def _check_workers(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError as error:
        raise ClusterError(
            f"The scheduler at {address} must have a worker. None came within {WORKERS_S} s: start some with "
            f"`dask worker {address}`."
        ) from error
    here = importlib.metadata.version("auricle")
    versions = client.run(_version, on_error="return")
    for worker, version in versions.items():
        if version != here:
            found = "cannot import it" if isinstance(version, BaseException) else f"has {version}"
            raise ClusterError(f"Every worker must have auricle {here}, as this machine. {worker} {found}.")


def _version() -> str:
    return importlib.metadata.version("auricle")


class DaskEngine:
    """The workers of a Dask cluster; the tasks of a worker that dies are run again by another.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def n_slots(self) -> int:
        """Threads of all current workers."""
        return max(1, sum(map(int, self._client.nthreads().values())))

    def run(self, function: Callable[[T], R], items: Iterable[T], *, batch_size: int = 1) -> Iterator[tuple[int, R]]:
        """Yield the index and the result of each item, as soon as it is done.

        Raises
        ------
        ClusterError : the scheduler is gone, or a task ended several workers
        """
        import cloudpickle
        from distributed import as_completed

        # The function is sent once, as a task: Dask sends it again where its worker dies.
        function_future = self._client.submit(_loaded, cloudpickle.dumps(function), pure=False)
        batches = _batches(items, batch_size)
        in_flight = as_completed(loop=self._client.loop)
        futures = {}
        try:
            for batch in islice(batches, _AHEAD * self.n_slots):
                in_flight.add(future := self._client.submit(_each, function_future, batch, pure=False))
                futures[future.key] = future
            for future in in_flight:
                del futures[future.key]
                yield from self._result(future)
                for batch in islice(batches, 1):
                    in_flight.add(future := self._client.submit(_each, function_future, batch, pure=False))
                    futures[future.key] = future
        finally:
            self._client.cancel(list(futures.values()))

    def _result(self, future: Any) -> list[tuple[int, Any]]:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError

        try:
            results: list[tuple[int, Any]] = future.result()
        except KilledWorker as error:
            raise ClusterError(
                f"A task must not end its worker. One ended several, the last at {error.last_worker.address}: see its "
                "log, and give workers more memory or smaller tasks."
            ) from error
        except (CommClosedError, FutureCancelledError) as error:
            raise ClusterError(
                f"The scheduler must stay until the work is done. The connection is lost ({type(error).__name__}); "
                "finished shards stay, and a run with `--resume` continues from there."
            ) from error
        return results


def _loaded(pickled: bytes) -> Callable[[Any], Any]:
    import cloudpickle

    function: Callable[[Any], Any] = cloudpickle.loads(pickled)
    return function


class JoblibEngine:
    """Any backend of joblib: built in (loky, multiprocessing, threading), or registered by a library.

    A backend takes all tasks at once, so tasks are sent in rounds: the next begins when the last is done.

    Parameters
    ----------
    backend : str
        Its name in joblib.

    Raises
    ------
    UsageError : joblib has no such backend, or its library is not installed
    """

    def __init__(self, backend: str) -> None:
        import joblib

        self._parallel = joblib.Parallel
        self._delayed = joblib.delayed
        self._backend = backend
        try:
            if backend == "ray":
                from ray.util.joblib import register_ray

                register_ray()
            with joblib.parallel_config(backend=backend):
                self.n_slots: int = joblib.effective_n_jobs(-1)
        except (ImportError, ValueError) as error:
            raise UsageError(f"joblib must have a backend named {backend!r}, and its library. {error}.") from error

    def run(self, function: Callable[[T], R], items: Iterable[T], *, batch_size: int = 1) -> Iterator[tuple[int, R]]:
        """Yield the index and the result of each item, round after round."""
        batches = _batches(items, batch_size)
        with self._parallel(n_jobs=self.n_slots, backend=self._backend) as parallel:
            while batches_of_round := list(islice(batches, _AHEAD * self.n_slots)):
                for results in parallel(self._delayed(_each)(function, batch) for batch in batches_of_round):
                    yield from results


def _batches(items: Iterable[T], size: int) -> Iterator[list[tuple[int, T]]]:
    numbered = enumerate(items)
    while batch := list(islice(numbered, size)):
        yield batch


def _each(function: Callable[[T], R], batch: list[tuple[int, T]]) -> list[tuple[int, R]]:
    return [(index, function(item)) for index, item in batch]
