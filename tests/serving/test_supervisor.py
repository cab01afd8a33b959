"""Server processes are replaced when they die, and end together; shell scripts stand in for them."""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auricle.errors import WorkerError
from auricle.serving import supervisor
from auricle.serving.settings import Settings
from auricle.serving.telemetry import FOLDER_VARIABLE

Supervise = Callable[..., None]
STAY = "exec sleep 60"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """One line per start: process id, folder of metrics, configuration."""
    path = tmp_path / "log"
    path.touch()
    return path


def starts(log: Path) -> list[str]:
    return log.read_text().splitlines()


def pids(log: Path) -> list[int]:
    return [int(line.split()[0]) for line in starts(log)]


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def await_starts(log: Path, n: int) -> None:
    deadline = time.monotonic() + 20
    while len(starts(log)) < n and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.fixture
def supervise(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervise]:
    """Supervise scripts that do something; meanwhile act, and then send SIGTERM, or else await an error."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # a late one must not end the tests
    monkeypatch.setattr(supervisor, "_POLL_S", 0.005)
    monkeypatch.setattr(supervisor.telemetry, "configure_logging", lambda: None)  # pytest has its own

    def run(does: str, meanwhile: Callable[[], None] | None, **settings: object) -> None:
        script = tmp_path / "worker"
        line = f'"$$ ${FOLDER_VARIABLE} $config"'
        script.write_text(
            f"#!/bin/sh\nread -r config\ntest -S /proc/self/fd/$4 || exit 9\necho {line} >>{log}\n{does}\n"
        )
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))

        has_ended = threading.Event()

        def act() -> None:
            if meanwhile is None:
                has_ended.wait(20)
            else:
                meanwhile()
            os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=act)
        thread.start()
        try:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                supervisor.supervise(Settings.model_validate(settings), "store.db", "states", listener)
        finally:
            has_ended.set()
            thread.join()

    yield run
    signal.signal(signal.SIGTERM, before)


def test_a_killed_process_is_replaced_and_all_end_at_sigterm(supervise: Supervise, log: Path) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    running: list[bool] = []
    ready, ended = log.with_name("ready"), log.with_name("ended")
    ready.touch()

    def kill_one() -> None:
        await_starts(ready, 2)
        os.killpg(pids(log)[0], signal.SIGKILL)
        await_starts(ready, 3)
        running.extend(map(is_running, pids(log)))

    ends = f"trap 'kill $!; echo $$ >>{ended}; exit 0' TERM\nsleep 60 &\necho $$ >>{ready}\nwait"
    supervise(ends, kill_one, workers=2, origins=("https://page.example",))
    assert sorted(pids(ended)) == sorted(pids(log)[1:])
    assert running == [False, True, True]
    assert [pid for pid in pids(log) if is_running(pid)] == []
    assert signal.getsignal(signal.SIGTERM) == handler
    (folder,) = {line.split()[1] for line in starts(log)}  # of the metrics that they share
    assert not Path(folder).exists()
    (config,) = {line.split(maxsplit=2)[2] for line in starts(log)}
    found = json.loads(config)
    assert (found["store"], found["name"]) == ("store.db", "states")
    assert Settings.model_validate(found["settings"]) == Settings(workers=2, origins=("https://page.example",))


def test_processes_that_die_at_their_start_are_an_error_that_ends_the_others(
    supervise: Supervise, tmp_path: Path, log: Path
) -> None:
    one_stays = f"if mkdir {tmp_path}/first 2>/dev/null; then {STAY}; fi\nexit 3"
    with pytest.raises(WorkerError, match=r"3 in a row died within 10 s .* exit code 3"):
        supervise(one_stays, None, workers=2)
    assert len(starts(log)) == 4
    assert [pid for pid in pids(log) if is_running(pid)] == []


def test_processes_that_die_later_are_replaced_each_time(
    supervise: Supervise, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_EARLY_S", 0.0)
    supervise("exit 3", lambda: await_starts(log, 6))
    assert len(starts(log)) >= 6


def test_a_process_that_does_not_end_is_killed(
    supervise: Supervise, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_SHUTDOWN_MARGIN_S", 0.02)
    deaf = f"trap '' TERM\necho $$ is deaf >>{log}\n{STAY}"
    supervise(deaf, lambda: await_starts(log, 2), drain_s=0.02)
    assert [pid for pid in pids(log) if is_running(pid)] == []
