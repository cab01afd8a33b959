"""One budget lends what clients may take, and gets all of it back."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from auricle.errors import RequestError
from auricle.serving.inference.memory import STREAMS_SHARE, MemoryBudget


def test_what_is_not_free_is_refused() -> None:
    budget = MemoryBudget(100)
    budget.reserve(60)
    with pytest.raises(RequestError, match="too much sound") as refused:
        budget.reserve(41)
    assert refused.value.as_json()["kind"] == "overloaded"
    budget.reserve(40)
    assert budget.used_bytes == 100
    budget.release(100)
    assert budget.used_bytes == 0


def test_streams_leave_room_for_bodies() -> None:
    budget = MemoryBudget(100)
    budget.reserve(50, share=STREAMS_SHARE)
    with pytest.raises(RequestError):
        budget.reserve(1, share=STREAMS_SHARE)
    budget.reserve(50)


def test_a_block_returns_its_memory_whatever_happens() -> None:
    budget = MemoryBudget(100)

    def fail() -> None:
        with budget.reserved(70):
            assert budget.used_bytes == 70
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert budget.used_bytes == 0


def test_threads_share_it() -> None:
    budget = MemoryBudget(1000)

    def work(_: int) -> None:
        with budget.reserved(100):
            pass

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(2000)))
    assert budget.used_bytes == 0
