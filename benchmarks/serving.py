"""Whether the server is quick, stays up, and loses nothing: beside the usual server, overloaded, killed, lied to.

Clients and servers share the machine's cores. Our server runs as users run it, ``auricle serve`` with one worker, its
SQLite log on (synchronous=FULL) and decoding in limited processes. The peer is the usual one: FastAPI and uvicorn,
sound read by librosa in its thread pool, librosa's features, a pickled forest, and no log. Both get the same WAVs of
one second at 16 kHz from the same client, in turns.
"""

import argparse
import asyncio
import json
import os
import pickle
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
import websockets.asyncio.client as websockets
from _load import Seen, ask, closed, note, open_loop, request

RATE_HZ = 16_000
CONNECTIONS = 16
AURICLE = [sys.executable, "-c", "from auricle.cli.main import main; main()"]
USUAL = """
import io, pickle, sys
import librosa, numpy as np, uvicorn
from fastapi import FastAPI, UploadFile
sys.path.insert(0, sys.argv[1])
from prediction import Usual
app = FastAPI()
forest = pickle.load(open(sys.argv[2], "rb"))
@app.post("/predict")
def predict(file: UploadFile):
    y, _ = librosa.load(io.BytesIO(file.file.read()), sr=None)
    p = forest.predict_proba(Usual.row(y)[np.newaxis])[0]
    classes = list(map(str, forest.classes_))
    return {"label": classes[p.argmax()], "probabilities": dict(zip(classes, p.tolist()))}
@app.get("/readyz")
def ready():
    return {}
Usual.row(np.random.default_rng(0).standard_normal(16000).astype("float32"))
uvicorn.run(app, port=int(sys.argv[3]), log_level="warning")
"""


def made(folder: Path) -> tuple[Path, Path, list[bytes]]:
    """Train both models on the same sounds; return our bundle, the peer's pickle, and sounds to ask about."""
    from prediction import Usual
    from sklearn.ensemble import RandomForestClassifier

    from auricle.audio.decode import read
    from auricle.datasets.dataset import Dataset
    from auricle.datasets.synthesis import machines
    from auricle.training.train import train

    data = Dataset.load(machines(folder / "sounds", n=80, seed=1, rate_hz=RATE_HZ, duration_s=1.0), group="machine")
    train(data, models="forest", window_s=1.0, name="core").bundle.save(folder / "core.auricle")
    rows = np.stack([Usual.row(read(example.file).samples) for example in data.examples])
    forest = RandomForestClassifier(100, random_state=0).fit(rows, data.labels)
    (folder / "usual.pickle").write_bytes(pickle.dumps(forest))
    return folder / "core.auricle", folder / "usual.pickle", [e.file.read_bytes() for e in data.examples]


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
    """Wait until a server is ready, and return how long that took."""
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
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Ours:
    """``auricle serve`` on a database of its own."""

    def __init__(self, bundle: Path, folder: Path, name: str, *settings: str) -> None:
        self.port, self.database, self.log = free_port(), folder / f"{name}.db", folder / f"{name}.log"
        options = [part for setting in ("keep_audio=none", *settings) for part in ("--set", setting)]
        store = ["--store", f"sqlite:///{self.database}", "--port", str(self.port)]
        self.command = [*AURICLE, "serve", str(bundle), *store, *options]

    def running(self) -> Any:
        """Start it and wait until it is ready."""
        return running(self.command, self.port, self.log)

    def ids(self) -> list[str]:
        """Return the ids of all rows of its log, which must be sound."""
        with closing(sqlite3.connect(self.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return [identity for (identity,) in connection.execute("SELECT id FROM predictions")]

    def ask(self, sound: bytes) -> bytes:
        """Return the request that asks about a sound."""
        return request("POST", "/v1/predictions", self.port, sound)


def form(sound: bytes, port: int) -> bytes:
    """Return the request that the usual server takes."""
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return request("POST", "/predict", port, head + sound + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge")


def beside_the_usual(
    bundle: Path, pickled: Path, sounds: list[bytes], folder: Path, *, rounds: int, seconds: float
) -> dict[str, Any]:
    """Ask both in turns: as many as they take, and one at a time."""
    ours, port = Ours(bundle, folder, "throughput"), free_port()
    script = folder / "usual.py"
    script.write_text(USUAL)
    usual = [sys.executable, str(script), str(Path(__file__).parent), str(pickled), str(port)]
    found: dict[str, list[float]] = {}
    acknowledged: list[str] = []
    errors = 0
    with ours.running() as first, running(usual, port, folder / "usual.log") as second:
        asked = {
            "ours": (first.pid, ours.port, ours.ask(sounds[0])),
            "usual": (second.pid, port, form(sounds[0], port)),
        }
        for _ in range(rounds):
            for name, (process, at, content) in asked.items():
                for kind, connections in (("", CONNECTIONS), ("_alone", 1)):
                    before_s = cpu_s(process)
                    seen = asyncio.run(closed(at, content, connections=connections, seconds=seconds))
                    errors += sum(n for status, n in seen.statuses.items() if status not in (200, 201))
                    acknowledged += seen.ids
                    cpu_ms = 1e3 * (cpu_s(process) - before_s) / len(seen.seconds)
                    found.setdefault(f"{name}{kind}_cpu_ms", []).append(cpu_ms)
                    found.setdefault(f"{name}{kind}_per_s", []).append(len(seen.seconds) / seen.wall_s)
                    found.setdefault(f"{name}{kind}_p50_ms", []).append(1e3 * seen.percentile(50))
                    found.setdefault(f"{name}{kind}_p99_ms", []).append(1e3 * seen.percentile(99))
    kept = ours.ids()
    figures: dict[str, Any] = {name: round(statistics.median(values), 2) for name, values in found.items()}
    figures["throughput_ratio"] = round(statistics.median(np.divide(found["ours_per_s"], found["usual_per_s"])), 2)
    figures["cpu_ratio"] = round(statistics.median(np.divide(found["usual_cpu_ms"], found["ours_cpu_ms"])), 2)
    figures["p50_ratio"] = round(statistics.median(np.divide(found["ours_p50_ms"], found["usual_p50_ms"])), 3)
    return figures | {
        "errors": errors,
        "answers": len(acknowledged),
        "log_rows": len(kept),
        "unique_ids": len(set(acknowledged) & set(kept)),
    }


def overload(bundle: Path, sounds: list[bytes], folder: Path, per_s: float, *, seconds: float) -> dict[str, Any]:
    """Ask five times as much as it can answer, and look at its health meanwhile and after."""
    ours = Ours(bundle, folder, "overload")

    with ours.running():
        # Health is asked for by a process of its own: the load would make its own loop late.
        prober = [sys.executable, str(Path(__file__).with_name("_load.py")), str(ours.port), str(seconds)]
        with subprocess.Popen(prober, stdout=subprocess.PIPE) as probing:
            seen = asyncio.run(open_loop(ours.port, ours.ask(sounds[1]), rate=5 * per_s, seconds=seconds))
            took = json.loads(probing.communicate()[0])
        began = time.perf_counter()
        normal_after_s = float("inf")
        while time.perf_counter() - began < 10:
            calm = asyncio.run(closed(ours.port, ours.ask(sounds[1]), connections=1, seconds=0.3))
            if set(calm.statuses) == {201}:
                normal_after_s = time.perf_counter() - began
                break
    return {
        "overload_offered_per_s": round(5 * per_s, 1),
        "overload_sent_per_s": round(sum(seen.statuses.values()) / seen.wall_s, 1),
        "overload_statuses": {str(status): n for status, n in sorted(seen.statuses.items())},
        "overload_accepted_p99_s": round(seen.percentile(99), 3),
        "overload_healthz_p99_ms": round(1e3 * statistics.quantiles(took, n=100)[98], 1),
        "overload_healthz_max_ms": round(1e3 * max(took), 1),
        "overload_normal_after_s": round(normal_after_s, 2),
        "overload_lost": len(set(seen.ids) - set(ours.ids())),
    }


def streams(bundle: Path, folder: Path, *, n: int, seconds: float) -> dict[str, Any]:
    """Send streams in real time, in blocks of 0.1 s, and take how long after a window's end its message comes."""
    ours = Ours(bundle, folder, "streams")
    rng = np.random.default_rng(0)
    block_s = 0.1
    block = (3000 * rng.standard_normal(round(block_s * RATE_HZ))).astype("<i2").tobytes()
    late: list[float] = []

    async def one(index: int) -> None:
        await asyncio.sleep(index * 0.031)  # they did not all begin at once
        url = f"ws://127.0.0.1:{ours.port}/v1/streams?rate_hz={RATE_HZ}"
        async with websockets.connect(url, compression=None) as connection:
            began = time.perf_counter()

            async def hear() -> None:
                async for message in connection:
                    told = json.loads(message)
                    if told["level"] == "window":
                        late.append(time.perf_counter() - began - told["end_s"])

            heard = asyncio.create_task(hear())
            for index in range(1, round(seconds / block_s) + 1):
                if (wait := began + index * block_s - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                await connection.send(block)
            await connection.send("end")
            await heard

    async def all_of_them() -> None:
        await asyncio.gather(*(one(index) for index in range(n)))

    with ours.running():
        asyncio.run(all_of_them())
    cuts = statistics.quantiles(late, n=100)
    return {
        "streams": n,
        "stream_windows": len(late),
        "stream_p50_ms": round(1e3 * cuts[49], 1),
        "stream_p95_ms": round(1e3 * cuts[94], 1),
        "stream_max_ms": round(1e3 * max(late), 1),
        "stream_entries": len(ours.ids()),
    }


def load_in_thread(port: int, content: bytes, stop: threading.Event, seen: list[Seen]) -> threading.Thread:
    """Ask without pause until told to stop, across deaths of the server."""

    def ask_on() -> None:
        while not stop.is_set():
            one = Seen()
            seen.append(one)
            try:
                asyncio.run(_into(one, port, content, stop))
            except (OSError, asyncio.IncompleteReadError):
                time.sleep(0.02)

    thread = threading.Thread(target=ask_on)
    thread.start()
    return thread


async def _into(seen: Seen, port: int, content: bytes, stop: threading.Event) -> None:
    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not stop.is_set():
            began = time.perf_counter()
            note(seen, *(await ask(reader, writer, content)), time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one() for _ in range(4)))


def kills(bundle: Path, sounds: list[bytes], folder: Path, *, n: int) -> dict[str, Any]:
    """Kill the server at random moments under load, and start it again on the same log."""
    ours = Ours(bundle, folder, "kills")
    rng = random.Random(0)  # noqa: S311
    stop, seen, took = threading.Event(), [], []
    thread = load_in_thread(ours.port, ours.ask(sounds[2]), stop, seen)
    try:
        for _ in range(n):
            with ours.log.open("ab") as stderr:
                process = subprocess.Popen(ours.command, stdout=subprocess.DEVNULL, stderr=stderr)
            took.append(ready(ours.port, process))
            time.sleep(0.05 + 0.5 * rng.random())
            process.kill()
            process.wait()
    finally:
        stop.set()
        thread.join()
    acknowledged = [identity for one in seen for identity in one.ids]
    kept = ours.ids()
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
    ours = Ours(bundle, folder, "stopped", "max_wait_s=60", "threads=2")

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


def locked(bundle: Path, sounds: list[bytes], folder: Path, *, seconds: float) -> dict[str, Any]:
    """Hold the log's lock, and see that nothing is acknowledged, that memory is bounded, and that it passes."""
    ours = Ours(bundle, folder, "locked")
    stop, seen = threading.Event(), []

    def count() -> int:
        return sum(len(one.ids) for one in seen)

    with ours.running() as process:
        thread = load_in_thread(ours.port, ours.ask(sounds[4]), stop, seen)
        time.sleep(1.0)
        before_mb = memory_mb(process.pid)
        with closing(sqlite3.connect(ours.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(0.3)
            begun = count()
            time.sleep(seconds)
            during, grown_mb = count() - begun, memory_mb(process.pid) - before_mb
            other.execute("ROLLBACK")
        began = time.perf_counter()
        while count() == begun + during and time.perf_counter() - began < 30:
            time.sleep(0.02)
        recovered_s = time.perf_counter() - began
        time.sleep(0.5)
        stop.set()
        thread.join()
    acknowledged = {identity for one in seen for identity in one.ids}
    return {
        "locked_s": seconds,
        "locked_acknowledged": during,
        "locked_grown_mb": round(grown_mb, 1),
        "locked_recovered_s": round(recovered_s, 2),
        "locked_lost": len(acknowledged - set(ours.ids())),
        "locked_statuses": sorted({status for one in seen for status in one.statuses}),
    }


def cpu_s(process: int) -> float:
    """Return the processor seconds of a process and of all that it started and that live."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_s, map(int, children)))


def memory_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1e3


def hostile(bundle: Path, sounds: list[bytes], folder: Path) -> dict[str, Any]:
    """Send sounds that do harm, with honest ones beside them."""
    ours = Ours(bundle, folder, "hostile")
    stop, seen = threading.Event(), []
    told = {}
    with ours.running() as process:
        thread = load_in_thread(ours.port, ours.ask(sounds[5]), stop, seen)
        for name, content in bombs(folder).items():
            told[name] = asyncio.run(once(ours.port, ours.ask(content)))
        stop.set()
        thread.join()
        is_same = process.poll() is None
    statuses = {status for one in seen for status in one.statuses}
    return {"hostile_statuses": told, "hostile_same_process": is_same, "hostile_beside": sorted(statuses)}


async def once(port: int, content: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    status, _ = await ask(reader, writer, content)
    writer.close()
    return status


def bombs(folder: Path) -> dict[str, bytes]:
    """Return a small FLAC that claims 256 GiB, hours of silence in Vorbis, noise behind a header, and prose."""
    flac, ogg = folder / "bomb.flac", folder / "bomb.ogg"
    rng = np.random.default_rng(0)
    soundfile.write(flac, 0.1 * rng.standard_normal(RATE_HZ), RATE_HZ)
    claimed = bytearray(flac.read_bytes())
    claimed[21] |= 0x0F
    claimed[22:26] = b"\xff" * 4
    hours = 30
    with soundfile.SoundFile(ogg, "w", 8000, 1, "VORBIS", format="OGG") as file:
        for _ in range(hours * 3600 // 10):
            file.write(np.zeros(80_000, np.float32))
    broken = bytearray(flac.read_bytes())
    broken[2000:] = rng.bytes(len(broken) - 2000)
    return {
        f"FLAC of {len(claimed)} bytes that claims 2^36 samples": bytes(claimed),
        f"{hours} h of silence in {ogg.stat().st_size} bytes of Vorbis": ogg.read_bytes(),
        "FLAC whose frames are noise": bytes(broken),
        "prose": b"Call me Ishmael. " * 100,
    }


def measure(*, short: bool) -> dict[str, Any]:
    """Measure everything; ``short`` asks less of it."""
    with tempfile.TemporaryDirectory(prefix="auricle-serving-") as name:
        folder = Path(name)
        bundle, pickled, sounds = made(folder)
        rounds, seconds = (2, 2.0) if short else (5, 4.0)
        found = beside_the_usual(bundle, pickled, sounds, folder, rounds=rounds, seconds=seconds)
        steps: list[Callable[[], dict[str, Any]]] = [
            lambda: overload(bundle, sounds, folder, found["ours_per_s"], seconds=5 if short else 15),
            lambda: streams(bundle, folder, n=32, seconds=8 if short else 30),
            lambda: kills(bundle, sounds, folder, n=3 if short else 100),
            lambda: stopped(bundle, sounds, folder),
            lambda: locked(bundle, sounds, folder, seconds=3 if short else 30),
        ]
        for step in steps if short else [*steps, lambda: hostile(bundle, sounds, folder)]:
            found |= step()
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--short", action="store_true", help="under two minutes: fewer rounds, kills and seconds")
    options = parser.parse_args()
    found = measure(short=options.short)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
