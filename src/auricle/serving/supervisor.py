"""Several server processes on one port: started, started anew where one dies, and stopped together."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from types import FrameType
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from auricle.errors import WorkerError
from auricle.serving import telemetry
from auricle.serving.settings import Settings
from auricle.serving.telemetry import FOLDER_VARIABLE

__all__ = ["supervise"]

_LOG: Final = logging.getLogger("auricle.serving")
_POLL_S: Final = 0.1
_SOON_S: Final = 10.0
_MOST_EARLY: Final = 3
_SPARE_S: Final = 5.0


def supervise(settings: Settings, store_url: str, name: str, listener: socket.socket) -> None:
    """Keep ``limits.workers`` processes at work until SIGTERM or SIGINT, and then until they have finished.

    Raises
    ------
    WorkerError : processes die again and again soon after they start
    """
    telemetry.install()
    with tempfile.TemporaryDirectory(prefix="auricle-metrics-") as folder:
        _Crew(settings, store_url, name, listener=listener, folder=folder).run()


class _Crew:
    def __init__(self, settings: Settings, store_url: str, name: str, *, listener: socket.socket, folder: str) -> None:
        self._settings = settings
        self._orders = json.dumps({"limits": settings.model_dump(), "store": store_url, "name": name}).encode() + b"\n"
        self._listener = listener
        self._folder = folder
        self._workers: dict[subprocess.Popen[bytes], float] = {}
        self._n_early = 0
        self._is_stopping = False

    def run(self) -> None:
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            for _ in range(self._settings.workers):
                self._start()
            while not self._is_stopping:
                time.sleep(_POLL_S)
                self._replace()
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._is_stopping = True

    def _start(self) -> None:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", "auricle.serving.worker", str(self._listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[self._listener.fileno()],
            env={**os.environ, FOLDER_VARIABLE: self._folder},
            start_new_session=True,  # ctrl-C goes to all processes of a terminal; each is to be told once, by us
        )
        if process.stdin is not None:  # stays open: its end tells the process that we are gone
            process.stdin.write(self._orders)
            process.stdin.flush()
        self._workers[process] = time.monotonic()

    def _replace(self) -> None:
        for process, started in list(self._workers.items()):
            code = process.poll()
            if code is None:
                continue
            self._forget(process)
            is_early = time.monotonic() - started < _SOON_S
            self._n_early = self._n_early + 1 if is_early else 0
            _LOG.error("a server process ended", extra={"pid": process.pid, "code": code})
            if self._n_early >= _MOST_EARLY:
                raise WorkerError(
                    f"A server process must stay at work. {self._n_early} in a row died within {_SOON_S:g} s of their "
                    f"start, the last with {code}: the lines above say why."
                )
            self._start()

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        del self._workers[process]
        if process.stdin is not None:
            process.stdin.close()
        mark_process_dead(process.pid, self._folder)  # type: ignore[no-untyped-call]

    def _end(self) -> None:
        for process in self._workers:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._settings.drain_s + _SPARE_S
        for process in list(self._workers):
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._forget(process)
