"""The program of a server process: its settings come on stdin, whose end ends it."""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from auricle.errors import StoreError
from auricle.serving import worker
from auricle.serving.settings import Settings

SETTINGS = Settings(origins=("https://page.example",), keep_days=3.5, workers=2)


class Supervisor:
    """The other end of the worker's stdin, and what the worker gets from it."""

    def __init__(self) -> None:
        self._stdin, self._pipe = os.pipe()
        self.stdin = os.fdopen(self._stdin)
        config = {"settings": SETTINGS.model_dump(), "store": "store.db", "name": "states"}
        os.write(self._pipe, json.dumps(config).encode() + b"\n")
        self.has_signalled = threading.Event()

    def end(self) -> None:
        os.close(self._pipe)

    def was_signalled(self) -> bool:
        """Wait for the signal in short sleeps: one that another thread receives does not wake this one."""
        deadline = time.monotonic() + 10
        while not self.has_signalled.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.has_signalled.is_set()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> Iterator[Supervisor]:
    found = Supervisor()
    before = signal.signal(signal.SIGTERM, lambda *_: found.has_signalled.set())
    monkeypatch.setattr(sys, "stdin", found.stdin)
    monkeypatch.setattr(sys, "argv", ["worker", str(os.dup(listener.fileno()))])
    yield found
    assert found.was_signalled()  # not later, when it would end the tests
    signal.signal(signal.SIGTERM, before)
    found.stdin.close()


def test_a_worker_serves_what_it_is_told_until_its_supervisor_is_gone(
    supervisor: Supervisor, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[object, ...]] = []

    def run(settings: Settings, store: str, name: str, taken: socket.socket) -> None:
        served.append((settings, store, name, taken.getsockname()))
        taken.close()
        assert not supervisor.has_signalled.wait(0.05)
        supervisor.end()
        assert supervisor.was_signalled()

    monkeypatch.setattr(worker, "run", run)
    worker.main()
    assert served == [(SETTINGS, "store.db", "states", listener.getsockname())]


def test_an_error_is_one_line(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: Settings, store: str, name: str, taken: socket.socket) -> None:
        taken.close()
        raise StoreError(f"{store}: cannot be used for {name}.")

    monkeypatch.setattr(worker, "run", run)
    with pytest.raises(SystemExit) as ended:
        worker.main()
    supervisor.end()
    assert ended.value.code == "store.db: cannot be used for states."  # which Python prints, with the status 1
