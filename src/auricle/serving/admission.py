"""Sound is counted from its request's head to its reply; what could not be answered in time is turned away at once."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from auricle.errors import RequestError
from auricle.serving.decoder.sandbox import NICE

__all__ = ["SOUND_UPLOAD", "AdmissionControl", "Slot"]

R = TypeVar("R")

SOUND_UPLOAD: Final = ("POST", "/v1/predictions")
"""The requests that need a place."""

_WEIGHT: Final = 0.02  # of the latest answer in the mean
_FIRST_S: Final = 0.01
_LONGEST_S: Final = 1.0  # of a stand-still, which must not weigh for minutes
_IDLE_S: Final = 0.25


class AdmissionControl:
    """Places for the sounds that are inside, and the threads that work on them.

    How long the next one would take follows from how many are inside and how quickly those before came out, the
    time on the event loop and of the log included: under load the threads are not all that there is to wait for.

    Parameters
    ----------
    threads : pieces of work side by side
    max_waiting : sounds that may wait
    max_wait_s : how long one may expect to wait
    """

    def __init__(self, *, threads: int, max_waiting: int, max_wait_s: float) -> None:
        self._threads = threads
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        # Of Linux's threads each has a niceness of its own.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sound", initializer=os.nice, initargs=(NICE,))
        self._mean_s = _FIRST_S  # from one that comes out to the next, while any is inside
        self._since = 0.0
        self.n_in_flight = 0
        """Sounds that are received, wait, are in work, or are being kept."""

    @property
    def wait_s(self) -> float:
        """How long the next sound would wait, as far as can be told."""
        return self.n_in_flight * self._mean_s if self.n_in_flight >= self._threads else 0.0

    def admit(self) -> "Slot":
        """Take a place for a sound whose head has come; called, as all of this, from the event loop alone.

        Raises
        ------
        RequestError : there is none
        """
        self.check()
        return Slot(self)

    def check(self) -> None:
        """Say whether there is a place.

        Raises
        ------
        RequestError : there is none
        """
        wait_s = self.wait_s
        if self.n_in_flight >= self._threads + self._max_waiting or wait_s > self._max_wait_s:
            raise RequestError(
                "The server has as much sound to work on as it can answer in time.",
                reason="overloaded",
                retry_after_s=max(1.0, wait_s),
            )

    async def run(self, work: Callable[[float], R]) -> R:
        """Do a piece of work in a thread, to its end, also where the one who asked has left meanwhile.

        Parameters
        ----------
        work : is told how many seconds it waited
        """
        asked = time.perf_counter()
        future = asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(time.perf_counter() - asked))
        future.add_done_callback(_seen)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Wait for what is in work and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self) -> None:
        """Count one in; for places."""
        if not self.n_in_flight:
            self._since = time.perf_counter()
        self.n_in_flight += 1

    def give_back(self, *, was_held: bool) -> None:
        """Count one out, and learn from one that was worked on how quickly they come out; for places."""
        self.n_in_flight -= 1
        if was_held:
            present = time.perf_counter()
            self._mean_s += _WEIGHT * (min(present - self._since, _LONGEST_S) - self._mean_s)
            self._since = present


class Slot:
    """One sound's place inside, from `Gate.enter` to `leave`.

    A sender that takes its time, or that the doorman lets wait, loses its place meanwhile: otherwise a few of them
    would keep everybody else out.

    Parameters
    ----------
    admission : where
    """

    def __init__(self, admission: AdmissionControl) -> None:
        self._gate = admission
        self._is_taken, self._is_held = True, False
        self._clock = asyncio.get_running_loop().call_later(_IDLE_S, self.release)
        admission.take()

    def hold(self) -> None:
        """Hold the place until `leave`, now that there is work to do; take another where it was lost.

        Raises
        ------
        RequestError : it was lost, and there is no other
        """
        self._clock.cancel()
        if not self._is_taken:
            self._gate.check()
            self._gate.take()
        self._is_taken = self._is_held = True

    def release(self) -> None:
        """Give the place back; once is enough, and more does nothing."""
        self._clock.cancel()
        if self._is_taken:
            self._is_taken = False
            self._gate.give_back(was_held=self._is_held)


def _seen(future: "asyncio.Future[R]") -> None:
    if not future.cancelled():
        future.exception()  # whoever is left to see it
