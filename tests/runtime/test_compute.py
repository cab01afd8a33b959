import gc
import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from auricle.errors import UsageError
from auricle.runtime.compute import n_workers, parallel_map

workers = pytest.mark.parametrize("workers", [1, 2, 5])


@workers
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    def slow_at_first(item: int) -> int:
        time.sleep(0.005 if item < 3 else 0.0)
        return item * item

    assert list(parallel_map(slow_at_first, range(40), workers=workers)) == [i * i for i in range(40)]
    assert list(parallel_map(slow_at_first, [], workers=workers)) == []


@workers
def test_an_endless_iterable_is_taken_only_a_few_ahead(workers: int) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for item in itertools.count():
            taken.append(item)
            yield item

    results = parallel_map(lambda item: item, endless(), workers=workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    time.sleep(0.05)
    assert len(taken) <= 3 + 4 * workers
    results.close()  # a generator
    gc.collect()  # what is left over must not warn


@workers
def test_an_error_comes_in_its_place_and_ends_the_work(workers: int) -> None:
    begun: list[int] = []

    def fails_at_three(item: int) -> int:
        begun.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    results = parallel_map(fails_at_three, itertools.count(), workers=workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    after = len(begun)
    time.sleep(0.02)
    assert len(begun) == after <= 4 + 4 * workers
    with pytest.raises(StopIteration):
        next(results)


def test_an_error_of_the_items_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(parallel_map(lambda item: item, items(), workers=2))


def test_work_is_done_side_by_side() -> None:
    together = threading.Barrier(2, timeout=10)
    assert len(list(parallel_map(lambda _: together.wait(), range(4), workers=2))) == 4


def test_one_worker_is_the_caller_itself() -> None:
    (ident,) = parallel_map(lambda _: threading.get_ident(), [None], workers=1)
    assert ident == threading.get_ident()


def test_how_many_workers() -> None:
    assert n_workers() >= 1
    assert n_workers(7) == 7
    for wrong in (0, -1):
        with pytest.raises(UsageError, match=f"`workers` must be at least 1. Got {wrong}"):
            n_workers(wrong)
        with pytest.raises(UsageError, match="`workers` must be at least 1"):
            list(parallel_map(lambda item: item, [1], workers=wrong))
