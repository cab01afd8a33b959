"""Supervise several server processes on one port: start, restart after a crash, stop together."""

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
_EARLY_S: Final = 10.0
_MAX_EARLY_EXITS: Final = 3
_SHUTDOWN_MARGIN_S: Final = 5.0


def supervise(settings: Settings, store_url: str, name: str, listener: socket.socket) -> None:
    """Keep ``settings.workers`` processes running until SIGTERM or SIGINT, then wait until they have finished.

    Raises
    ------
    WorkerError : several processes in a row die soon after their start
    """
    telemetry.configure_logging()
    with tempfile.TemporaryDirectory(prefix="auricle-metrics-") as folder:
        _Supervisor(settings, store_url, name, listener=listener, folder=folder).run()


class _Supervisor:
    def __init__(self, settings: Settings, store_url: str, name: str, *, listener: socket.socket, folder: str) -> None:
        self._settings = settings
        config = {"settings": settings.model_dump(), "store": store_url, "name": name}
        self._config = json.dumps(config).encode() + b"\n"
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
            start_new_session=True,  # a terminal sends ctrl-C to its whole session; the supervisor signals once
        )
        if process.stdin is not None:  # stays open: the worker stops when it closes
            process.stdin.write(self._config)
            process.stdin.flush()
        self._workers[process] = time.monotonic()

    def _replace(self) -> None:
        for process, started in list(self._workers.items()):
            code = process.poll()
            if code is None:
                continue
            self._forget(process)
            is_early = time.monotonic() - started < _EARLY_S
            self._n_early = self._n_early + 1 if is_early else 0
            _LOG.error("a server process ended", extra={"pid": process.pid, "code": code})
            if self._n_early >= _MAX_EARLY_EXITS:
                raise WorkerError(
                    f"A server process must keep running. {self._n_early} in a row died within {_EARLY_S:g} s of their "
                    f"start, the last with exit code {code}: see the log lines above."
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
        deadline = time.monotonic() + self._settings.drain_s + _SHUTDOWN_MARGIN_S
        for process in list(self._workers):
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._forget(process)
