"""Engines return results with the index of their item, survive the death of workers, and name what is missing."""

import itertools
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from auricle.errors import AudioError, ClusterError, UsageError
from auricle.runtime.cluster import JoblibEngine, open_engine
from auricle.runtime.compute import Engine, parallel_map


@pytest.fixture(params=["dask", "joblib:loky", "joblib:threading"])
def engine(request):
    name = request.getfixturevalue("cluster").engine if request.param == "dask" else request.param
    with open_engine(name) as found:
        yield found


@pytest.mark.usefixtures("engine")
def test_results_come_in_the_order_of_the_items():
    offset = 7
    found = list(parallel_map(lambda item: item * item + offset, range(100), on_engine=True))
    assert found == [i * i + 7 for i in range(100)]
    assert list(parallel_map(lambda item: item, [], on_engine=True)) == []


def test_results_have_the_index_of_their_item(engine):
    found = sorted(engine.run(str, iter("abcde"), batch_size=2))
    assert found == list(enumerate("abcde"))


def test_only_a_few_items_are_read_ahead(engine):
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
def test_an_auricle_error_is_raised_unchanged():
    def fails(item):
        raise AudioError(f"{item}.wav: not sound")

    with pytest.raises(AudioError, match=r"3\.wav: not sound"):
        list(parallel_map(fails, [3], on_engine=True))


def test_maps_without_on_engine_stay_on_this_machine(cluster):
    with open_engine(cluster.engine):
        assert set(parallel_map(lambda _: os.getpid(), range(4))) == {os.getpid()}
        assert os.getpid() not in set(parallel_map(lambda _: os.getpid(), range(4), on_engine=True))
    assert set(parallel_map(lambda _: os.getpid(), range(4), on_engine=True)) == {os.getpid()}


def test_both_workers_are_used(cluster):
    def busy(_):
        time.sleep(0.05)
        return os.getpid()

    with open_engine(cluster.engine) as engine:
        assert engine.n_slots == 2
        assert len(set(parallel_map(busy, range(20), on_engine=True))) == 2


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def counted(folder: Path):
    """A slow function that creates a file at each call."""

    def work(item: int) -> int:
        (folder / f"{item}-{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(0.03)
        return item

    return work


def test_workers_join_and_die_and_at_last_the_scheduler(mortal, tmp_path, monkeypatch):
    def workers_of(run):
        return {mark.name.split("-")[1] for mark in (tmp_path / run).iterdir()}

    for run in ("join", "die", "end"):
        (tmp_path / run).mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("auricle.runtime.cluster.WORKERS_S", 0.2)
        with pytest.raises(ClusterError, match=r"must have a worker\. None came"), open_engine(mortal.engine):
            pass
    mortal.start_worker("one")
    with open_engine(mortal.engine) as engine:
        results = engine.run(counted(tmp_path / "join"), range(80))
        next(results)
        mortal.start_worker("two")
        wait_for(lambda: engine.n_slots == 2)
        assert len(list(results)) == 79
        assert len(workers_of("join")) == 2  # who joins later is used

        found = []
        for number, pair in enumerate(engine.run(counted(tmp_path / "die"), range(60), batch_size=2)):
            found.append(pair)
            if number == 20:
                mortal.kill("one")
        assert sorted(found) == [(i, i) for i in range(60)]  # what the dead worker had is run again

        results = engine.run(counted(tmp_path / "end"), range(1000))
        next(results)
        mortal.kill("scheduler")
        with pytest.raises(ClusterError, match="The connection is lost"):
            list(results)


def test_a_task_that_ends_its_workers_is_an_error(mortal):
    for name in ("one", "two"):  # as many as a task may end, by the scheduler's settings
        mortal.start_worker(name)
    with open_engine(mortal.engine) as engine:
        wait_for(lambda: engine.n_slots == 2)
        with pytest.raises(ClusterError, match="must not end its worker"):
            list(engine.run(os._exit, [1]))


def test_a_worker_of_another_version_is_named(cluster, monkeypatch):
    monkeypatch.setattr("auricle.runtime.cluster.importlib.metadata.version", lambda _: "0.0.0")
    with pytest.raises(ClusterError, match=r"must have auricle 0\.0\.0.* has "), open_engine(cluster.engine):
        pass


def test_a_missing_scheduler_is_an_error(monkeypatch):
    monkeypatch.setattr("auricle.runtime.cluster.CONNECT_S", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        pytest.raises(ClusterError, match=rf"must answer at 127\.0\.0\.1:{port}"),
        open_engine(f"dask://127.0.0.1:{port}"),
    ):
        pass


@pytest.mark.parametrize("name", ["", "spark", "dask://nowhere", "dask://a:1/b", "joblib:", "joblib:nothing"])
def test_unknown_engines_are_refused(name):
    with pytest.raises(UsageError), open_engine(name):
        pass


def test_a_backend_whose_library_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="backend named 'ray', and its library"), open_engine("joblib:ray"):
        pass


def test_local_is_no_engine():
    with open_engine("local") as engine:
        assert engine is None


def test_a_joblib_backend_is_an_engine():
    engine: Engine = JoblibEngine("threading")
    assert sorted(engine.run(abs, range(-3, 0))) == [(0, 3), (1, 2), (2, 1)]
