"""The server as a process: kills, SIGTERM, an unavailable store, several workers, keys."""

import gc
import json
import os
import random
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from auricle.cli.main import main
from auricle.serving import run
from auricle.serving.inference.active_model import register
from auricle.serving.service import Service, open_service
from auricle.serving.settings import Settings
from auricle.store.store import Store
from auricle.store.tables import PREDICTIONS

POST = "/v1/predictions"


class Load:
    """Threads that send requests back to back, and record the acknowledged ids."""

    def __init__(self, url: str, content: bytes, threads: int = 4) -> None:
        self.url, self.content = url, content
        self.acknowledged: list[str] = []
        self.statuses: dict[int, int] = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._post, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _post(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self._stop.is_set():
                try:
                    reply = client.post(self.url + POST, content=self.content)
                except httpx.HTTPError:
                    time.sleep(0.05)
                    continue
                self.statuses[reply.status_code] = self.statuses.get(reply.status_code, 0) + 1
                if reply.status_code == 201:
                    self.acknowledged.append(reply.json()["id"])

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def rows(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [identity for (identity,) in connection.execute("SELECT id FROM predictions")]


@pytest.mark.slow
def test_acknowledged_predictions_survive_kills(
    run_server: Callable[..., Any], sound_file: Callable[..., bytes]
) -> None:
    acknowledged: list[str] = []
    rng = random.Random(7)  # noqa: S311
    for _ in range(2):
        server = run_server()
        load = Load(server.url, sound_file())
        while not load.acknowledged:
            time.sleep(0.01)
        time.sleep(rng.random() / 3)
        server.stop(signal.SIGKILL)
        load.stop()
        acknowledged += load.acknowledged
        kept = rows(server.database)
        assert len(kept) == len(set(kept))
        assert set(acknowledged) <= set(kept)
    assert len(set(acknowledged)) == len(acknowledged)


def test_a_locked_store_acknowledges_nothing_and_sigterm_finishes_requests_in_flight(
    run_server: Callable[..., Any], sound_file: Callable[..., bytes]
) -> None:
    server = run_server(*(f"--set={name}" for name in ("patience_s=0.2", "commit_s=1", "max_wait_s=60", "threads=2")))
    load = Load(server.url, sound_file())
    time.sleep(0.5)
    with closing(sqlite3.connect(server.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(0.5)  # requests that began before complete
        before = len(load.acknowledged)
        time.sleep(1.0)
        assert len(load.acknowledged) == before
        assert httpx.get(f"{server.url}/v1/predictions?limit=1", timeout=10).status_code == 200
        assert httpx.get(f"{server.url}/healthz", timeout=10).status_code == 200
        other.execute("ROLLBACK")
    deadline = time.monotonic() + 10
    while len(load.acknowledged) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    load.stop()
    assert len(load.acknowledged) > before
    assert set(load.statuses) <= {201, 503}
    kept = rows(server.database)
    assert set(load.acknowledged) <= set(kept)
    content = sound_file(2.0)
    with httpx.Client(limits=httpx.Limits(max_connections=50), timeout=60) as client, ThreadPoolExecutor(50) as threads:
        replies = [threads.submit(client.post, server.url + POST, content=content) for _ in range(50)]
        while len(rows(server.database)) == len(kept):
            time.sleep(0.01)
        assert server.stop(signal.SIGTERM) == 0
        assert [reply.result().status_code for reply in replies] == [201] * 50
    assert len(rows(server.database)) == len(kept) + 50


@contextmanager
def stopped(postgresql: Any) -> Iterator[None]:
    postgresql.stop()
    try:
        yield
    finally:
        postgresql.ensure_postgres_running()


@contextmanager
def frozen(postgresql: Any) -> Iterator[None]:
    """It takes what it is sent, and says nothing; as where its disk hangs."""
    first = postgresql.get_postmaster_info().process
    processes = [first, *first.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_nothing_is_acknowledged_while_postgresql_is_away(
    run_server: Callable[..., Any],
    sound_file: Callable[..., bytes],
    postgresql_server: Any,
    postgresql_database: str,
) -> None:
    server = run_server(
        *(f"--set={name}" for name in ("patience_s=1", "commit_s=1", "answer_s=1")), database=postgresql_database
    )
    load = Load(server.url, sound_file())
    while not load.acknowledged:
        time.sleep(0.01)
    for away in (stopped, frozen):
        with away(postgresql_server):
            time.sleep(1.5)  # requests that began before complete
            before = len(load.acknowledged)
            time.sleep(1.0)
            assert len(load.acknowledged) == before
            assert httpx.get(f"{server.url}/healthz", timeout=10).status_code == 200
            assert httpx.get(f"{server.url}/v1/predictions", timeout=10).status_code == 503
        assert httpx.get(f"{server.url}/v1/predictions", timeout=10).status_code == 200
        deadline = time.monotonic() + 10
        while len(load.acknowledged) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(load.acknowledged) > before
    load.stop()
    assert set(load.statuses) <= {201, 503}
    with Store.open(postgresql_database) as store, store.database.read() as connection:
        kept = list(connection.execute(sa.select(PREDICTIONS.c.id)).scalars())
    assert len(kept) == len(set(kept))
    assert set(load.acknowledged) <= set(kept)


def test_workers_share_claims_and_metrics_and_a_dead_one_is_replaced(
    run_server: Callable[..., Any], sound_file: Callable[..., bytes]
) -> None:
    server = run_server("--workers", "2")
    content = sound_file()
    headers = {"Idempotency-Key": "once"}

    def post(index: int) -> httpx.Response:  # one connection per request, so that both workers get some
        return httpx.post(server.url + POST, content=content, headers=headers if index % 2 else {}, timeout=30)

    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(post, range(40)))
    once = [reply for reply in replies[1::2] if reply.status_code != 409]  # it is being answered just now
    assert {reply.status_code for reply in once + replies[::2]} == {201}
    assert len({reply.json()["id"] for reply in once}) == 1
    assert len(rows(server.database)) == 21
    metrics = httpx.get(f"{server.url}/metrics", timeout=10).text
    counted = [line for line in metrics.splitlines() if line.startswith("auricle_answers_total{")]
    assert sum(float(line.split()[-1]) for line in counted) == 21  # of both together
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    before = children.read_text().split()
    os.kill(int(before[0]), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while before[0] in (now := children.read_text().split()) or len(now) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for _ in range(10):
        assert httpx.post(server.url + POST, content=sound_file(), timeout=30).status_code == 201
    assert server.stop(signal.SIGTERM) == 0


@pytest.fixture
def process_settings() -> Iterator[None]:
    """Put back what a server sets for its process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    switch_s = sys.getswitchinterval()
    yield
    sys.setswitchinterval(switch_s)
    gc.unfreeze()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("process_settings")
def test_sigterm_while_the_model_is_loaded_stops_the_server(
    states_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly_opened(*arguments: Any, **options: Any) -> Service:
        os.kill(os.getpid(), signal.SIGTERM)
        return open_service(*arguments, **options)

    monkeypatch.setattr(run, "open_service", slowly_opened)
    monkeypatch.setattr(run.telemetry, "configure_logging", lambda: None)  # pytest has its own
    url = str(tmp_path / "store.db")
    with Store.open(url) as store:
        model = register(store, states_file, who="test", why="")
    second = threading.Timer(5.0, os.kill, (os.getpid(), signal.SIGTERM))
    second.start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        run.run(Settings(), url, model.name, listener)
    assert second.is_alive()  # the first was enough
    second.cancel()


@pytest.mark.parametrize("options", [("--host", "::"), ("--port", "99999"), ("--set", "nothing=1"), ("--set", "x")])
def test_invalid_options_are_usage_errors(
    states_file: Path,
    tmp_path: Path,
    options: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["auricle", "serve", str(states_file), "--json", "--store", str(tmp_path / "store.db"), *options]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "usage"
