"""Work goes through a bounded queue into a few threads; what would wait too long is turned away at once."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from auricle.errors import RequestError

__all__ = ["Gate"]

R = TypeVar("R")

_WEIGHT: Final = 0.1  # of the latest piece of work in the mean
_FIRST_S: Final = 0.02


class Gate:
    """Threads that do the work of requests, and how long it takes to get to one.

    Parameters
    ----------
    threads : pieces of work side by side
    max_waiting : pieces that may wait
    max_wait_s : how long one may expect to wait
    """

    def __init__(self, *, threads: int, max_waiting: int, max_wait_s: float) -> None:
        self._threads = threads
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sound")
        self._lock = threading.Lock()
        self._mean_s = _FIRST_S
        self.n_inside = 0
        """Pieces that wait or are in work."""

    @property
    def wait_s(self) -> float:
        """How long the next piece would wait, as far as can be told."""
        return max(0, self.n_inside - self._threads + 1) * self._mean_s / self._threads

    def check(self) -> None:
        """Say whether there is room; called from the event loop alone.

        Raises
        ------
        RequestError : there is none
        """
        waiting = self.n_inside - self._threads
        if waiting >= self._max_waiting or (waiting >= 0 and self.wait_s > self._max_wait_s):
            raise RequestError(
                "The server has as much sound to work on as it can answer in time.",
                reason="overloaded",
                retry_after_s=max(1.0, self.wait_s),
            )

    async def run(self, work: Callable[[float], R], *, otherwise: Callable[[], None] = lambda: None) -> R:
        """Do a piece of work in a thread; it is told how many seconds it waited.

        Parameters
        ----------
        work : done to its end, also where the one who asked has left meanwhile
        otherwise : called where the work is not begun

        Raises
        ------
        RequestError : there is no room
        """
        try:
            self.check()
        except RequestError:
            otherwise()
            raise
        self.n_inside += 1
        asked = time.perf_counter()

        def timed() -> R:
            began = time.perf_counter()
            try:
                return work(began - asked)
            finally:
                with self._lock:
                    self._mean_s += _WEIGHT * (time.perf_counter() - began - self._mean_s)

        future = asyncio.get_running_loop().run_in_executor(self._pool, timed)
        future.add_done_callback(self._leave)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Wait for what is in work and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _leave(self, future: "asyncio.Future[R]") -> None:
        self.n_inside -= 1
        if not future.cancelled():
            future.exception()  # seen, whoever is left to see it
