import asyncio
import threading

import pytest

from auricle.errors import RequestError
from auricle.serving.gate import Gate


def test_what_does_not_fit_is_turned_away_at_once() -> None:
    gate = Gate(threads=1, max_waiting=2, max_wait_s=1000)
    open_up = threading.Event()

    async def ask() -> list[object]:
        begun = [asyncio.create_task(gate.run(lambda _: open_up.wait(5))) for _ in range(3)]
        await asyncio.sleep(0.01)
        freed = []
        with pytest.raises(RequestError, match="as much sound") as refused:
            await gate.run(lambda _: None, otherwise=lambda: freed.append(1))
        assert (refused.value.reason, freed) == ("overloaded", [1])
        open_up.set()
        return await asyncio.gather(*begun)

    assert asyncio.run(ask()) == [True] * 3
    assert gate.n_inside == 0
    gate.close()


def test_the_wait_is_foretold() -> None:
    gate = Gate(threads=2, max_waiting=100, max_wait_s=0.05)
    gate._mean_s = 0.1
    gate.n_inside = 1
    gate.check()
    gate.n_inside = 4
    with pytest.raises(RequestError, match="as much sound") as refused:
        gate.check()
    assert refused.value.retry_after_s == 1.0
    gate.close()


def test_work_goes_on_when_the_one_who_asked_leaves() -> None:
    gate = Gate(threads=1, max_waiting=2, max_wait_s=1)
    done = threading.Event()
    begun = threading.Event()

    def work(_: float) -> None:
        begun.set()
        done.wait(5)

    async def ask() -> None:
        task = asyncio.create_task(gate.run(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert gate.n_inside == 1
        done.set()
        while gate.n_inside:
            await asyncio.sleep(0.001)

    asyncio.run(ask())
    gate.close()


def test_an_error_is_the_callers() -> None:
    gate = Gate(threads=1, max_waiting=2, max_wait_s=1)

    def fail(_: float) -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        asyncio.run(gate.run(fail))
    gate.close()
