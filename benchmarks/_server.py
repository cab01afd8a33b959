"""Run ``auricle serve`` as users do, on its own database, and measure CPU and memory of its process."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from _load import request

__all__ = ["Ours", "cpu_s", "free_port", "memory_mb", "ready", "running"]

AURICLE = [sys.executable, "-c", "from auricle.cli.main import main; main()"]


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server and wait until it is ready."""
    with log.open("ab") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        ready(port, process)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


def ready(port: int, process: subprocess.Popen[bytes], patience_s: float = 120) -> float:
    """Wait until a server is ready, and return the seconds that it took."""
    began = time.perf_counter()
    while time.perf_counter() - began < patience_s:
        if process.poll() is not None:
            raise RuntimeError(f"a server ended with {process.returncode}; its log says why")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply:
                if reply.status == 200:
                    return time.perf_counter() - began
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("a server did not become ready")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Ours:
    """``auricle serve`` on its own database: a SQLite file in a folder, or a URL."""

    def __init__(self, bundle: Path, folder: Path, name: str, *settings: str, store: str | None = None) -> None:
        self.port, self.log = free_port(), folder / f"{name}.log"
        self.database = folder / f"{name}.db"
        self._url = store
        options = [part for setting in ("keep_audio=none", *settings) for part in ("--set", setting)]
        address = ["--store", store or f"sqlite:///{self.database}", "--port", str(self.port)]
        self.command = [*AURICLE, "serve", str(bundle), *address, *options]

    def running(self) -> Any:
        """Start the server and wait until it is ready."""
        return running(self.command, self.port, self.log)

    def ids(self) -> list[str]:
        """Return the ids of all log rows, after an integrity check."""
        if self._url is not None:
            import psycopg

            with psycopg.connect(self._url) as server:
                return [identity for (identity,) in server.execute("SELECT id FROM predictions")]
        with closing(sqlite3.connect(self.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return [identity for (identity,) in connection.execute("SELECT id FROM predictions")]

    def request(self, sound: bytes) -> bytes:
        """Return the bytes of a request that predicts a sound."""
        return request("POST", "/v1/predictions", self.port, sound)

    def status(self, path: str) -> int:
        """Return the status of a GET request; 0 for no reply within ten seconds."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


def cpu_s(process: int) -> float:
    """Return the processor seconds of a process and its living descendants."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_s, map(int, children)))


def memory_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1e3
