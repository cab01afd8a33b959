import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from auricle.errors import RequestError
from auricle.serving import admission as module
from auricle.serving.admission import AdmissionControl
from auricle.serving.decoder.sandbox import NICE


@pytest.fixture
def make_admission() -> Any:
    made: list[AdmissionControl] = []

    def make(*, threads: int = 1, max_waiting: int = 2, max_wait_s: float = 1000.0) -> AdmissionControl:
        made.append(AdmissionControl(threads=threads, max_waiting=max_waiting, max_wait_s=max_wait_s))
        return made[-1]

    yield make
    for admission in made:
        admission.close()


Make = Callable[..., AdmissionControl]


def run(asked: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asked)


def test_there_are_so_many_places(make_admission: Make) -> None:
    admission = make_admission(threads=1, max_waiting=2)

    async def ask() -> None:
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

    run(ask())


def test_the_wait_follows_from_how_many_are_inside_and_how_quickly_they_come_out(
    make_admission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = 100.0
    monkeypatch.setattr(module.time, "perf_counter", lambda: present)
    admission = make_admission(threads=2, max_waiting=1000, max_wait_s=1.0)

    async def ask() -> None:
        nonlocal present
        for _ in range(500):
            slot = admission.admit()
            slot.hold()
            present += 0.1
            slot.release()
            present += 60.0  # nobody asks, which says nothing of how long an answer takes
        held = [admission.admit() for _ in range(11)]
        assert admission.wait_s == pytest.approx(1.1, rel=0.01)
        with pytest.raises(RequestError, match="in flight than") as refused:
            admission.admit()
        assert refused.value.retry_after_s == pytest.approx(1.1, rel=0.01)
        for slot in held:
            slot.release()

    run(ask())


def test_where_a_thread_is_free_nobody_is_turned_away(make_admission: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    present = 0.0
    monkeypatch.setattr(module.time, "perf_counter", lambda: present)
    admission = make_admission(threads=2, max_wait_s=0.5)

    async def ask() -> None:
        nonlocal present
        for _ in range(500):
            slot = admission.admit()
            slot.hold()
            present += 3600.0
            slot.release()
        held = [admission.admit() for _ in range(2)]
        with pytest.raises(RequestError, match="in flight than"):
            admission.admit()
        for slot in held:
            slot.release()

    run(ask())


def test_who_takes_too_long_to_send_loses_the_place_and_takes_another(
    make_admission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.01)
    admission = make_admission(threads=1, max_waiting=0)

    async def ask() -> None:
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

    run(ask())


def test_work_goes_on_when_the_one_who_asked_leaves(make_admission: Make) -> None:
    admission = make_admission()
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work(waited_s: float) -> None:
        assert waited_s >= 0
        begun.set()
        may_end.wait(5)
        ended.set()

    async def ask() -> None:
        task = asyncio.create_task(admission.run(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_end.set()
        assert await asyncio.to_thread(ended.wait, 5)

    run(ask())


def test_work_gives_way_to_the_event_loop(make_admission: Make) -> None:
    admission = make_admission()

    async def ask() -> None:
        def niceness(_: float) -> int:
            return os.getpriority(os.PRIO_PROCESS, 0)

        assert await admission.run(niceness) == min(19, niceness(0.0) + NICE)

    run(ask())


def test_an_error_is_the_callers(make_admission: Make) -> None:
    def fail(_: float) -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        asyncio.run(make_admission().run(fail))
