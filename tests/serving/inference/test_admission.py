import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from auricle.errors import RequestError
from auricle.serving.decoder.pool import LongSoundError
from auricle.serving.decoder.sandbox import NICE
from auricle.serving.inference import admission as module
from auricle.serving.inference.admission import AdmissionControl, BackgroundThreads


@pytest.fixture
def make_admission() -> Any:
    made: list[AdmissionControl] = []

    def make(**limits: Any) -> AdmissionControl:
        made.append(AdmissionControl(**{"threads": 1, "max_waiting": 2, "max_wait_s": 1000.0} | limits))
        return made[-1]

    yield make
    for admission in made:
        admission.close()


Make = Callable[..., AdmissionControl]


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_slots_are_limited(make_admission: Make) -> None:
    admission = make_admission(threads=1, max_waiting=2)

    async def scenario() -> None:
        slots = [admission.admit() for _ in range(3)]
        with pytest.raises(RequestError, match="in flight than") as refused:
            admission.admit()
        assert (refused.value.reason, refused.value.retry_after_s) == ("overloaded", 1.0)
        slots[1].release()
        slots[1].release()  # once is enough
        assert admission.n_in_flight == 2
        slots.append(admission.admit())
        for slot in slots:
            slot.release()
        assert admission.n_in_flight == 0

    run(scenario())


def test_expected_wait_follows_from_in_flight_count_and_completion_rate(
    make_admission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "perf_counter", lambda: now)
    admission = make_admission(threads=2, max_waiting=1000, max_wait_s=1.0)

    async def scenario() -> None:
        nonlocal now
        for _ in range(500):
            slot = admission.admit()
            slot.hold()
            now += 0.1
            slot.release()
            now += 60.0  # nobody asks, which says nothing of how long an answer takes
        slots = [admission.admit() for _ in range(11)]
        assert admission.wait_s == pytest.approx(1.1, rel=0.01)
        with pytest.raises(RequestError, match="in flight than") as refused:
            admission.admit()
        assert refused.value.retry_after_s == pytest.approx(1.1, rel=0.01)
        for slot in slots:
            slot.release()

    run(scenario())


def test_a_free_thread_admits_despite_slow_predictions(make_admission: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(module.time, "perf_counter", lambda: now)
    admission = make_admission(threads=2, max_wait_s=0.5)

    async def scenario() -> None:
        nonlocal now
        for _ in range(500):
            slot = admission.admit()
            slot.hold()
            now += 3600.0
            slot.release()
        slots = [admission.admit() for _ in range(2)]
        with pytest.raises(RequestError, match="in flight than"):
            admission.admit()
        for slot in slots:
            slot.release()

    run(scenario())


def test_a_slow_sender_loses_its_slot_and_takes_another(make_admission: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.01)
    admission = make_admission(threads=1, max_waiting=0)

    async def scenario() -> None:
        slow = admission.admit()
        await asyncio.sleep(0.05)
        assert admission.n_in_flight == 0
        quick = admission.admit()
        quick.hold()
        await asyncio.sleep(0.05)
        assert admission.n_in_flight == 1
        with pytest.raises(RequestError, match="in flight than"):
            slow.hold()
        quick.release()
        slow.hold()
        assert admission.n_in_flight == 1
        slow.release()
        assert admission.n_in_flight == 0

    run(scenario())


def test_work_continues_after_cancellation(make_admission: Make) -> None:
    admission = make_admission()
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work(waited_s: float, is_long: bool) -> None:  # noqa: FBT001
        assert waited_s >= 0
        assert not is_long
        begun.set()
        may_end.wait(5)
        ended.set()

    async def scenario() -> None:
        task = asyncio.create_task(admission.run(work))
        assert await asyncio.to_thread(begun.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_end.set()
        assert await asyncio.to_thread(ended.wait, 5)

    run(scenario())


def test_worker_threads_are_nice(make_admission: Make) -> None:
    admission = make_admission()

    async def scenario() -> None:
        def niceness(*_: float) -> int:
            return os.getpriority(os.PRIO_PROCESS, 0)

        assert await admission.run(niceness) == min(19, niceness(0.0) + NICE)

    run(scenario())


def test_run_raises_the_error_of_the_work(make_admission: Make) -> None:
    def fail(*_: float) -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        asyncio.run(make_admission().run(fail))


def test_long_sounds_have_a_thread_of_their_own_and_a_limit(make_admission: Make) -> None:
    admission = make_admission(max_long=1)
    may_end, discarded = threading.Event(), []

    def long_work(waited_s: float, is_long: bool) -> str:  # noqa: FBT001
        assert waited_s >= 0
        if not is_long:
            raise LongSoundError
        may_end.wait(5)
        return threading.current_thread().name

    async def scenario() -> None:
        first = asyncio.create_task(admission.run(long_work))
        await asyncio.sleep(0.05)
        assert await admission.run(lambda *_: "short") == "short"  # none waits for the long one
        began = time.monotonic()
        with pytest.raises(RequestError, match="1 long sounds are in flight"):
            await admission.run(long_work, discard=lambda: discarded.append(1))
        assert discarded == [1]
        assert time.monotonic() - began > 0.3  # who sends back to back is slowed down
        may_end.set()
        assert (await first).startswith("long")
        assert (await admission.run(long_work)).startswith("long")  # counted out

    asyncio.run(scenario())


def test_background_work_rests_while_sounds_are_in_flight(
    make_admission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(module.time, "sleep", lambda s: (rests.append(s), sleep(s)))
    admission = make_admission()
    threads = BackgroundThreads(1, "read", nice=0, sounds=admission)

    async def scenario() -> None:
        for _ in range(3):
            await threads.run(sum, [1.0])
        assert not rests  # alone, nothing waits
        slot = admission.admit()
        slot.hold()
        assert await threads.run(lambda: sleep(0.01) or 1) == 1
        assert await threads.run(max, 2, 3) == 3
        assert rests  # after work of 10 ms
        slot.release()
        rests.clear()
        assert await threads.run(max, 2, 3) == 3
        assert not rests
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 / 0)

    try:
        asyncio.run(scenario())
    finally:
        threads.close()
