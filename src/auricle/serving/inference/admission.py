"""Admission control: count sounds from request head to reply, and refuse those that would wait too long."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from auricle.errors import RequestError
from auricle.serving.decoder.pool import LongSoundError
from auricle.serving.decoder.sandbox import LONG_NICE, NICE

__all__ = ["SOUND_UPLOAD", "AdmissionControl", "BackgroundThreads", "Slot"]

R = TypeVar("R")
T = TypeVar("T")

SOUND_UPLOAD: Final = ("POST", "/v1/predictions")
"""The method and path of requests that need a slot."""

_WEIGHT: Final = 0.02  # of the latest interval in the mean
_INITIAL_S: Final = 0.01
_MAX_INTERVAL_S: Final = 1.0  # a standstill must not dominate the mean for minutes
_IDLE_S: Final = 0.25
_LONG_RETRY_S: Final = 10.0
_REFUSAL_S: Final = 0.5
_REST: Final = 4.0
_MAX_REST_S: Final = 0.05
_REST_STEP_S: Final = 0.001


class _FullError(Exception):
    """There are too many long sounds; raised in a thread, and answered by the event loop."""

    def __init__(self, refusal: RequestError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class AdmissionControl:
    """Slots for sounds in flight, and the threads that process them.

    The expected wait is the number in flight times the mean interval between completions. The interval includes the
    event loop and the log: under load, requests wait for more than threads.

    Parameters
    ----------
    threads : int
        Sounds processed in parallel.
    max_waiting : int
        Most sounds in flight beyond ``threads``.
    max_wait_s : float
        Longest expected wait of an admitted sound.
    max_long : int
        Most long sounds in flight. They have one thread of their own, so that short ones do not wait for them.
    """

    def __init__(self, *, threads: int, max_waiting: int, max_wait_s: float, max_long: int = 4) -> None:
        self._threads = threads
        self._max_long = max_long
        self._n_long = 0
        self._lock = threading.Lock()  # of the number of long sounds, which threads count
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        # On Linux, niceness is a property of the thread.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sound", initializer=os.nice, initargs=(NICE,))
        self._long_pool = ThreadPoolExecutor(1, thread_name_prefix="long", initializer=os.nice, initargs=(LONG_NICE,))
        self._mean_s = _INITIAL_S  # between completions, while any sound is in flight
        self._since = 0.0
        self.n_in_flight = 0
        """Sounds that are received, waiting, being processed or being committed."""

    @property
    def wait_s(self) -> float:
        """Expected wait of the next sound in seconds."""
        return self.n_in_flight * self._mean_s if self.n_in_flight >= self._threads else 0.0

    def admit(self) -> "Slot":
        """Take a slot for a sound whose request head has arrived; only from the event loop, like every method here.

        Raises
        ------
        RequestError : there is no free slot
        """
        self.check()
        return Slot(self)

    def check(self) -> None:
        """Check that there is a free slot.

        Raises
        ------
        RequestError : there is no free slot
        """
        wait_s = self.wait_s
        if self.n_in_flight >= self._threads + self._max_waiting or wait_s > self._max_wait_s:
            raise RequestError(
                "The server is overloaded: more sounds are in flight than it can process in time.",
                reason="overloaded",
                retry_after_s=max(1.0, wait_s),
            )

    async def run(self, work: Callable[[float, bool], R], *, discard: Callable[[], object] = bool) -> R:
        """Run work in a thread to its end, even if the client disconnects.

        Parameters
        ----------
        work : callable
            Takes the seconds that it waited for a thread, and whether the sound is long; if a sound turns out to be
            long, it raises `LongSoundError`, and runs again among the long sounds.
        discard : callable
            Called in place of the second run, if there are too many long sounds.

        Raises
        ------
        RequestError : the sound is long, and there are too many of them
        """
        queued = time.perf_counter()

        def run_short() -> R | Future[R]:
            try:
                return work(time.perf_counter() - queued, False)  # noqa: FBT003
            except LongSoundError:
                return self._submit_long(work, discard)

        try:
            found = await _to_its_end(asyncio.get_running_loop().run_in_executor(self._pool, run_short))
        except _FullError as error:
            await asyncio.sleep(_REFUSAL_S)  # who sends long sounds back to back must not spend the server's time
            raise error.refusal from None
        return await _to_its_end(asyncio.wrap_future(found)) if isinstance(found, Future) else found

    def close(self) -> None:
        """Wait for running work and end the threads."""
        for pool in (self._pool, self._long_pool):
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit_long(self, work: Callable[[float, bool], R], discard: Callable[[], object]) -> "Future[R]":
        with self._lock:
            is_full = self._n_long >= self._max_long
            self._n_long += not is_full
        if is_full:
            discard()
            refusal = RequestError(
                f"The server is overloaded: {self._max_long} long sounds are in flight. Send this one again later, or "
                "split it.",
                reason="overloaded",
                retry_after_s=_LONG_RETRY_S,
            )
            raise _FullError(refusal)
        queued = time.perf_counter()
        future = self._long_pool.submit(lambda: work(time.perf_counter() - queued, True))  # noqa: FBT003
        future.add_done_callback(self._count_out_long)
        return future

    def _count_out_long(self, _: object) -> None:
        with self._lock:
            self._n_long -= 1

    def count_in(self) -> None:
        """Count a sound in; for slots."""
        if not self.n_in_flight:
            self._since = time.perf_counter()
        self.n_in_flight += 1

    def count_out(self, *, was_held: bool) -> None:
        """Count a sound out, and update the mean interval if it was processed; for slots."""
        self.n_in_flight -= 1
        if was_held:
            now = time.perf_counter()
            self._mean_s += _WEIGHT * (min(now - self._since, _MAX_INTERVAL_S) - self._mean_s)
            self._since = now


class BackgroundThreads:
    """Threads for work that stands back while sounds are in flight: listings, streams.

    All threads share the interpreter, and a sound waits for it some thirty times. While a sound is in flight, a thread
    that has worked rests for four times as long, up to 50 ms, before it works again; so sounds have most of the
    interpreter however much else is asked for, and nothing starves.

    Parameters
    ----------
    n_threads : int
    name : str
    nice : int
        Niceness of the threads.
    sounds : AdmissionControl
    """

    def __init__(self, n_threads: int, name: str, *, nice: int, sounds: AdmissionControl) -> None:
        self._sounds = sounds
        self._rested_at = threading.local()
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix=name, initializer=os.nice, initargs=(nice,))

    async def run(self, function: Callable[..., R], *arguments: object) -> R:
        """Return what a function returns, called in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._work, function, *arguments)

    def close(self) -> None:
        """Wait for running work, drop what waits, and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _work(self, function: Callable[..., R], *arguments: object) -> R:
        while self._sounds.n_in_flight and time.monotonic() < getattr(self._rested_at, "value", 0.0):
            time.sleep(_REST_STEP_S)
        began = time.monotonic()
        try:
            return function(*arguments)
        finally:
            ended = time.monotonic()
            self._rested_at.value = ended + min(_REST * (ended - began), _MAX_REST_S)


class Slot:
    """The slot of one sound, from `AdmissionControl.admit` to `release`.

    The slot of a slow sender, or of one that waits for authentication, lapses until `hold`: otherwise a few slow
    clients would keep all others out.

    Parameters
    ----------
    admission : AdmissionControl
    """

    def __init__(self, admission: AdmissionControl) -> None:
        self._admission = admission
        self._is_taken, self._is_held = True, False
        self._timer = asyncio.get_running_loop().call_later(_IDLE_S, self.release)
        admission.count_in()

    def hold(self) -> None:
        """Hold the slot until `release`, now that the body has arrived; take a new slot if it lapsed.

        Raises
        ------
        RequestError : the slot lapsed, and there is no other
        """
        self._timer.cancel()
        if not self._is_taken:
            self._admission.check()
            self._admission.count_in()
        self._is_taken = self._is_held = True

    def release(self) -> None:
        """Release the slot; further calls do nothing."""
        self._timer.cancel()
        if self._is_taken:
            self._is_taken = False
            self._admission.count_out(was_held=self._is_held)


async def _to_its_end(future: "asyncio.Future[T]") -> T:
    future.add_done_callback(_retrieve_exception)
    return await asyncio.shield(future)


def _retrieve_exception(future: "asyncio.Future[T]") -> None:
    if not future.cancelled():
        future.exception()  # asyncio warns about exceptions that are never retrieved
