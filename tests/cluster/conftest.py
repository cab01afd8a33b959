"""A real Dask cluster on loopback: a scheduler and workers, each in its own process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip("distributed")


@dataclass
class Cluster:
    """A scheduler and its workers."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, module: str, *options: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--no-dashboard", *options]
        with (self.folder / f"{name}.log").open("wb") as log:
            environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=environment)

    def start_scheduler(self) -> None:
        self.start("scheduler", "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", "s.json")
        until = time.monotonic() + 60
        while not (self.folder / "s.json").exists():
            assert time.monotonic() < until, (self.folder / "scheduler.log").read_text()
            time.sleep(0.05)

    def start_worker(self, name: str) -> None:
        folder = ["--local-directory", str(self.folder / name)]
        options = ["--scheduler-file", "s.json", "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", *folder]
        self.start(name, "dask_worker", "--name", name, "--memory-limit", "0", *options)

    @property
    def address(self) -> str:
        import json

        return str(json.loads((self.folder / "s.json").read_text())["address"]).removeprefix("tcp://")

    @property
    def engine(self) -> str:
        """The value for `--engine`."""
        return f"dask://{self.address}"

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in reversed(list(self.processes)):
            self.kill(name)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers of one thread each, for tests that kill neither; an idle cluster costs as much as a busy one."""
    running = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        running.start_scheduler()
        running.start_worker("one")
        running.start_worker("two")
        yield running
    finally:
        running.stop()


@pytest.fixture
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster without workers, for a test that starts and kills them."""
    running = Cluster(tmp_path_factory.mktemp("mortal"))
    try:
        running.start_scheduler()
        yield running
    finally:
        running.stop()


@pytest.fixture
def auricle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process; return its exit code, stdout and stderr."""
    from auricle.cli.main import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["auricle", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
