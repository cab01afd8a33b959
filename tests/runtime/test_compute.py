"""Parallel maps keep order, stop at the first error, and use the cores that a container allows."""

import gc
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import joblib
import pytest

from auricle.errors import UsageError
from auricle.runtime import compute
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
def test_an_endless_iterable_is_read_only_a_few_ahead(workers: int) -> None:
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
def test_an_error_is_raised_in_order_and_ends_the_work(workers: int) -> None:
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


def test_items_run_concurrently() -> None:
    barrier = threading.Barrier(2, timeout=10)
    assert len(list(parallel_map(lambda _: barrier.wait(), range(4), workers=2))) == 4


def test_one_worker_runs_in_the_calling_thread() -> None:
    (ident,) = parallel_map(lambda _: threading.get_ident(), [None], workers=1)
    assert ident == threading.get_ident()


@pytest.mark.parametrize("limit", [None, "1", "1000", "-3"])
def test_cores_are_those_that_joblib_counts(limit: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if limit is not None:
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", limit)
    assert n_workers() == joblib.cpu_count()


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({"cpu.max": "max 100000"}, 64),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
        ({"cpu/cpu.cfs_quota_us": "300000\n"}, 64),
    ],
)
def test_a_container_has_the_cores_of_its_quota(
    files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute.os, "cpu_count", lambda: 64)
    monkeypatch.setattr(compute.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert compute._usable_cores(tmp_path) == cores


def test_the_number_of_workers_is_at_least_one() -> None:
    assert n_workers() >= 1
    assert n_workers(7) == 7
    for wrong in (0, -1):
        with pytest.raises(UsageError, match=f"`workers` must be at least 1. Got {wrong}"):
            n_workers(wrong)
        with pytest.raises(UsageError, match="`workers` must be at least 1"):
            list(parallel_map(lambda item: item, [1], workers=wrong))
