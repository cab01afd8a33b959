import itertools
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from auricle.errors import AudioError, ClusterError, UsageError
from auricle.runtime.cluster import JoblibEngine, engine_of
from auricle.runtime.compute import Engine, parallel_map


@pytest.fixture(params=["dask", "joblib:loky", "joblib:threading"])
def engine(request):
    name = request.getfixturevalue("cluster").engine if request.param == "dask" else request.param
    with engine_of(name) as found:
        yield found


@pytest.mark.usefixtures("engine")
def test_results_come_in_the_order_of_the_items():
    offset = 7
    found = list(parallel_map(lambda item: item * item + offset, range(100), may_leave=True))
    assert found == [i * i + 7 for i in range(100)]
    assert list(parallel_map(lambda item: item, [], may_leave=True)) == []


def test_results_are_given_with_the_index_of_their_item(engine):
    found = sorted(engine.run(str, iter("abcde"), together=2))
    assert found == list(enumerate("abcde"))


def test_only_a_few_items_are_taken_ahead(engine):
    taken = []

    def endless():
        for item in itertools.count():
            taken.append(item)
            yield item

    results = engine.run(abs, endless())
    index, value = next(results)
    assert index == value
    assert engine.n_slots > 1 or index == 0
    results.close()
    assert len(taken) <= 4 * 3 * engine.n_slots


@pytest.mark.usefixtures("engine")
def test_an_error_of_ours_comes_back_as_it_is():
    def fails(item):
        raise AudioError(f"{item}.wav: not sound")

    with pytest.raises(AudioError, match=r"3\.wav: not sound"):
        list(parallel_map(fails, [3], may_leave=True))


def test_work_that_may_not_leave_stays(cluster):
    with engine_of(cluster.engine):
        assert set(parallel_map(lambda _: os.getpid(), range(4))) == {os.getpid()}
        assert os.getpid() not in set(parallel_map(lambda _: os.getpid(), range(4), may_leave=True))
    assert set(parallel_map(lambda _: os.getpid(), range(4), may_leave=True)) == {os.getpid()}


def test_both_workers_work(cluster):
    def busy(_):
        time.sleep(0.05)
        return os.getpid()

    with engine_of(cluster.engine) as engine:
        assert engine.n_slots == 2
        assert len(set(parallel_map(busy, range(20), may_leave=True))) == 2


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def counted(folder: Path):
    """A slow function that leaves a mark each time it is called."""

    def work(item: int) -> int:
        (folder / f"{item}-{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(0.03)
        return item

    return work


def test_a_worker_killed_half_way_costs_nothing(mortal, tmp_path):
    for name in ("one", "two"):
        mortal.start_worker(name)
    with engine_of(mortal.engine) as engine:
        wait_for(lambda: engine.n_slots == 2)
        found = []
        for number, pair in enumerate(engine.run(counted(tmp_path), range(60), together=2)):
            found.append(pair)
            if number == 20:
                mortal.kill("one")
    assert sorted(found) == [(i, i) for i in range(60)]


def test_a_worker_that_comes_later_is_used(mortal, tmp_path):
    mortal.start_worker("one")
    with engine_of(mortal.engine) as engine:
        results = engine.run(counted(tmp_path), range(80))
        next(results)
        mortal.start_worker("two")
        wait_for(lambda: engine.n_slots == 2)
        assert len(list(results)) == 79
    assert len({mark.name.split("-")[1] for mark in tmp_path.iterdir()}) == 2


def test_a_scheduler_that_dies_is_an_error(mortal, tmp_path):
    mortal.start_worker("one")
    with engine_of(mortal.engine) as engine:
        results = engine.run(counted(tmp_path), range(1000))
        next(results)
        mortal.kill("scheduler")
        with pytest.raises(ClusterError, match="The connection is lost"):
            list(results)


def test_a_task_that_ends_its_workers_is_an_error(mortal):
    for name in ("one", "two", "three", "four"):
        mortal.start_worker(name)
    with engine_of(mortal.engine) as engine:
        wait_for(lambda: engine.n_slots == 4)
        with pytest.raises(ClusterError, match="must not end the workers that try it"):
            list(engine.run(os._exit, [1]))


def test_a_scheduler_without_workers_is_an_error(mortal, monkeypatch):
    monkeypatch.setattr("auricle.runtime.cluster.WORKERS_S", 0.2)
    with pytest.raises(ClusterError, match=r"must have a worker\. None came"), engine_of(mortal.engine):
        pass


def test_a_worker_of_another_version_is_named(cluster, monkeypatch):
    monkeypatch.setattr("auricle.runtime.cluster.importlib.metadata.version", lambda _: "0.0.0")
    with pytest.raises(ClusterError, match=r"must have auricle 0\.0\.0.* has "), engine_of(cluster.engine):
        pass


def test_a_scheduler_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr("auricle.runtime.cluster.CONNECT_S", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        pytest.raises(ClusterError, match=rf"must answer at 127\.0\.0\.1:{port}"),
        engine_of(f"dask://127.0.0.1:{port}"),
    ):
        pass


@pytest.mark.parametrize("name", ["", "spark", "dask://nowhere", "dask://a:1/b", "joblib:", "joblib:nothing"])
def test_other_names_are_refused(name):
    with pytest.raises(UsageError), engine_of(name):
        pass


def test_a_backend_whose_library_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="backend named 'ray', and its library"), engine_of("joblib:ray"):
        pass


def test_local_is_no_engine():
    with engine_of("local") as engine:
        assert engine is None


def test_a_joblib_backend_is_an_engine():
    engine: Engine = JoblibEngine("threading")
    assert sorted(engine.run(abs, range(-3, 0))) == [(0, 3), (1, 2), (2, 1)]
