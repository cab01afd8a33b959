"""What requests share is opened as a whole or not at all, kept up to date by polling, and closed in order."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from auricle.errors import MissingError, StoreError, WorkerError
from auricle.serving import service as module
from auricle.serving.app import create_app
from auricle.serving.inference.active_model import register
from auricle.serving.service import Service, lifespan, open_service
from auricle.serving.settings import Settings
from auricle.serving.telemetry import Metrics
from auricle.store.store import Store


class Decoders:
    """Decoding processes that nobody asks anything."""

    opened: list["Decoders"]
    confinement = ("limits",)

    def __init__(self, *_: object, **__: object) -> None:
        self.is_open = True
        self.opened.append(self)

    def close(self) -> None:
        self.is_open = False


@pytest.fixture(autouse=True)
def decoders(monkeypatch: pytest.MonkeyPatch) -> type[Decoders]:
    monkeypatch.setattr(module, "DecoderPool", Decoders)
    Decoders.opened = []
    return Decoders


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store.db")) as opened:
        yield opened


def service_of(**parts: Any) -> Service:
    """A service of the parts that a test is about."""
    names = (
        "store",
        "writer",
        "active_model",
        "decoders",
        "admission",
        "stream_threads",
        "read_threads",
        "authenticator",
    )
    more: dict[str, Any] = dict.fromkeys((*names, "rate_limits", "memory_budget"))
    return Service(**{"settings": Settings(model_poll_s=0.001), "metrics": Metrics()} | more | parts)


def test_without_a_champion_nothing_stays_open(store: Store, decoders: type[Decoders]) -> None:
    with pytest.raises(MissingError, match="must have a champion"):
        open_service(Settings(), store, "states")
    assert [pool.is_open for pool in decoders.opened] == [False]


def test_without_decoders_there_is_no_service(store: Store, states_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise WorkerError("no process can be started")

    register(store, states_file, who="", why="")
    monkeypatch.setattr(module, "DecoderPool", fail)
    with pytest.raises(WorkerError):
        open_service(Settings(), store, "states")
    with pytest.raises(MissingError):  # of two errors, the one that an operator can mend
        open_service(Settings(), store, "nothing")


def test_new_and_revoked_keys_take_effect_within_seconds(store: Store, states_file: Path) -> None:
    register(store, states_file, who="", why="")
    service = open_service(Settings(model_poll_s=0.01, key_cache_s=0.05), store, "states")
    with TestClient(create_app(service), base_url="http://127.0.0.1") as client:

        def await_refusal(headers: dict[str, str]) -> None:
            deadline = time.monotonic() + 5
            while client.get("/v1/models", headers=headers).status_code != 401:
                assert time.monotonic() < deadline
                time.sleep(0.01)

        assert client.get("/v1/models").status_code == 200
        token, key = store.keys.create(["read"])
        await_refusal({})
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/v1/models", headers=headers).status_code == 200
        store.keys.revoke(key.id)
        await_refusal(headers)
        assert client.get("/v1/models").status_code == 401  # a server that had keys stays closed


def test_a_refresh_counts_swaps_and_shows_a_champion_that_cannot_be_loaded() -> None:
    active: Any = SimpleNamespace(refresh=lambda: True, load_error=None)
    service = service_of(active_model=active, authenticator=SimpleNamespace(is_open=False))

    def metric(name: str) -> float:
        (line,) = [line for line in service.metrics.render().decode().splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])

    asyncio.run(service.refresh())
    assert (metric("auricle_model_swaps_total"), metric("auricle_model_problem")) == (1.0, 0.0)
    active.refresh, active.load_error = (lambda: False), "damaged"
    asyncio.run(service.refresh())
    assert (metric("auricle_model_swaps_total"), metric("auricle_model_problem")) == (1.0, 1.0)


def test_polling_goes_on_after_failures_and_keeps_sessions_and_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[Exception] = [StoreError("locked"), ZeroDivisionError()]
    done: list[object] = []

    async def refresh(_: Service) -> None:
        if failures:
            raise failures.pop(0)

    for name in ("_SESSIONS_S", "_SWEEP_S"):
        monkeypatch.setattr(module, name, 0.0)
    monkeypatch.setattr(Service, "refresh", refresh)
    settings = Settings(model_poll_s=0.001, keep_days=1.0)
    limits = SimpleNamespace(refresh_sessions=done.append)
    store = SimpleNamespace(rate_limits=limits, sweep=done.append)
    service = service_of(store=store, settings=settings, sessions={"stream"})

    async def poll() -> None:
        polling = asyncio.create_task(service.poll())
        while len(done) < 2:
            await asyncio.sleep(0.001)
        polling.cancel()

    asyncio.run(asyncio.wait_for(poll(), 10))
    assert failures == []
    assert done[:2] == [("stream",), settings.retention()]


def test_work_ends_before_its_predictions_are_committed() -> None:
    closed: list[str] = []

    def part(name: str) -> SimpleNamespace:
        return SimpleNamespace(close=lambda: closed.append(name))

    service = service_of(
        admission=part("sounds"),
        stream_threads=part("streams"),
        read_threads=part("reads"),
        writer=part("writer"),
        decoders=part("decoders"),
    )
    service.close()
    assert sorted(closed[:3]) == ["reads", "sounds", "streams"]
    assert sorted(closed[3:]) == ["decoders", "writer"]


@pytest.mark.parametrize("problem", [None, StoreError("locked")])
def test_a_lifespan_closes_whatever_happens_within(monkeypatch: pytest.MonkeyPatch, problem: Exception | None) -> None:
    closed: list[bool] = []

    def close(_: Service) -> None:
        closed.append(True)
        if problem is not None:
            raise problem

    async def live() -> None:
        async with lifespan(service_of(authenticator=SimpleNamespace(is_open=False))):
            raise ZeroDivisionError

    monkeypatch.setattr(Service, "close", close)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(live())
    assert closed == [True]
