import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from auricle.errors import RequestError
from auricle.serving import admission as gates
from auricle.serving.admission import AdmissionControl
from auricle.serving.decoder.sandbox import NICE


@pytest.fixture
def make_gate() -> Any:
    made: list[AdmissionControl] = []

    def make(*, threads: int = 1, max_waiting: int = 2, max_wait_s: float = 1000.0) -> AdmissionControl:
        made.append(AdmissionControl(threads=threads, max_waiting=max_waiting, max_wait_s=max_wait_s))
        return made[-1]

    yield make
    for gate in made:
        gate.close()


Make = Callable[..., AdmissionControl]


def run(asked: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asked)


def test_there_are_so_many_places(make_gate: Make) -> None:
    gate = make_gate(threads=1, max_waiting=2)

    async def ask() -> None:
        places = [gate.enter() for _ in range(3)]
        with pytest.raises(RequestError, match="as much sound") as refused:
            gate.enter()
        assert (refused.value.reason, refused.value.retry_after_s) == ("overloaded", 1.0)
        places[1].leave()
        places[1].leave()  # once is enough
        assert gate.n_inside == 2
        places.append(gate.enter())
        for place in places:
            place.leave()
        assert gate.n_inside == 0

    run(ask())


def test_the_wait_follows_from_how_many_are_inside_and_how_quickly_they_come_out(
    make_gate: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = 100.0
    monkeypatch.setattr(gates.time, "perf_counter", lambda: present)
    gate = make_gate(threads=2, max_waiting=1000, max_wait_s=1.0)

    async def ask() -> None:
        nonlocal present
        for _ in range(500):
            place = gate.enter()
            place.hold()
            present += 0.1
            place.leave()
            present += 60.0  # nobody asks, which says nothing of how long an answer takes
        held = [gate.enter() for _ in range(11)]
        assert gate.wait_s == pytest.approx(1.1, rel=0.01)
        with pytest.raises(RequestError, match="as much sound") as refused:
            gate.enter()
        assert refused.value.retry_after_s == pytest.approx(1.1, rel=0.01)
        for place in held:
            place.leave()

    run(ask())


def test_where_a_thread_is_free_nobody_is_turned_away(make_gate: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    present = 0.0
    monkeypatch.setattr(gates.time, "perf_counter", lambda: present)
    gate = make_gate(threads=2, max_wait_s=0.5)

    async def ask() -> None:
        nonlocal present
        for _ in range(500):
            place = gate.enter()
            place.hold()
            present += 3600.0
            place.leave()
        held = [gate.enter() for _ in range(2)]
        with pytest.raises(RequestError, match="as much sound"):
            gate.enter()
        for place in held:
            place.leave()

    run(ask())


def test_who_takes_too_long_to_send_loses_the_place_and_takes_another(
    make_gate: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "_IDLE_S", 0.01)
    gate = make_gate(threads=1, max_waiting=0)

    async def ask() -> None:
        slow = gate.enter()
        await asyncio.sleep(0.05)
        assert gate.n_inside == 0
        quick = gate.enter()
        quick.hold()
        await asyncio.sleep(0.05)
        assert gate.n_inside == 1
        with pytest.raises(RequestError, match="as much sound"):
            slow.hold()
        quick.leave()
        slow.hold()
        assert gate.n_inside == 1
        slow.leave()
        assert gate.n_inside == 0

    run(ask())


def test_work_goes_on_when_the_one_who_asked_leaves(make_gate: Make) -> None:
    gate = make_gate()
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work(waited_s: float) -> None:
        assert waited_s >= 0
        begun.set()
        may_end.wait(5)
        ended.set()

    async def ask() -> None:
        task = asyncio.create_task(gate.run(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_end.set()
        assert await asyncio.to_thread(ended.wait, 5)

    run(ask())


def test_work_gives_way_to_the_event_loop(make_gate: Make) -> None:
    gate = make_gate()

    async def ask() -> None:
        def niceness(_: float) -> int:
            return os.getpriority(os.PRIO_PROCESS, 0)

        assert await gate.run(niceness) == min(19, niceness(0.0) + NICE)

    run(ask())


def test_an_error_is_the_callers(make_gate: Make) -> None:
    def fail(_: float) -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        asyncio.run(make_gate().run(fail))
