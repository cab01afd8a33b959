"""Benchmark of the server: throughput beside a usual server, overload, streams, outages, kills and hostile sounds.

Clients and servers share the machine's cores. Our server runs as users run it, ``auricle serve``, its SQLite log on
(synchronous=FULL), and decoding in sandboxed processes. The baseline is a usual server: FastAPI and uvicorn, sound read
by librosa in its thread pool, librosa's features, a pickled forest, and no log. Both get the same one-second WAVs at
16 kHz from the same client, alternately: with one server process each, and with two.
"""

import argparse
import asyncio
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import websockets.asyncio.client as websockets
from _load import closed_loop, open_loop, request
from _outages import full_disk, hostile, kills, locked, postgresql_stopped, stopped
from _server import Ours, cpu_s, free_port, running
from _serving_targets import targets

RATE_HZ = 16_000
CONNECTIONS = 16
USUAL = """
import io, pickle, sys
import librosa, numpy as np, uvicorn
from fastapi import FastAPI, UploadFile
sys.path.insert(0, sys.argv[1])
from prediction import Baseline
app = FastAPI()
forest = pickle.load(open(sys.argv[2], "rb"))
@app.post("/predict")
def predict(file: UploadFile):
    y, _ = librosa.load(io.BytesIO(file.file.read()), sr=None)
    p = forest.predict_proba(Baseline.row(y)[np.newaxis])[0]
    classes = list(map(str, forest.classes_))
    return {"label": classes[p.argmax()], "probabilities": dict(zip(classes, p.tolist()))}
@app.get("/readyz")
def ready():
    return {}
Baseline.row(np.random.default_rng(0).standard_normal(16000).astype("float32"))
if __name__ == "__main__":
    uvicorn.run("usual:app", port=int(sys.argv[3]), log_level="warning", workers=int(sys.argv[4]))
"""


def train_models(folder: Path) -> tuple[Path, Path, list[bytes]]:
    """Train both models on the same sounds; return our bundle, the baseline's pickle, and the sounds to predict."""
    from prediction import Baseline
    from sklearn.ensemble import RandomForestClassifier

    from auricle.audio.decode import read
    from auricle.datasets.dataset import Dataset
    from auricle.datasets.synthesis import machines
    from auricle.training.train import train

    data = Dataset.load(machines(folder / "sounds", n=80, seed=1, rate_hz=RATE_HZ, duration_s=1.0), group="machine")
    train(data, models="forest", window_s=1.0, name="core").bundle.save(folder / "core.auricle")
    rows = np.stack([Baseline.row(read(example.file).samples) for example in data.examples])
    forest = RandomForestClassifier(100, random_state=0).fit(rows, data.labels)
    (folder / "usual.pickle").write_bytes(pickle.dumps(forest))
    return folder / "core.auricle", folder / "usual.pickle", [e.file.read_bytes() for e in data.examples]


def form(sound: bytes, port: int) -> bytes:
    """Return a request to the usual server."""
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return request("POST", "/predict", port, head + sound + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge")


def compare_throughput(
    bundle: Path, pickled: Path, sounds: list[bytes], folder: Path, *, workers: int, rounds: int, seconds: float
) -> dict[str, Any]:
    """Measure both servers alternately: saturated, and with one request at a time."""
    ours, port = Ours(bundle, folder, f"throughput{workers}", f"workers={workers}"), free_port()
    script = folder / "usual.py"
    script.write_text(USUAL)
    usual = [sys.executable, str(script), str(Path(__file__).parent), str(pickled), str(port), str(workers)]
    found: dict[str, list[float]] = {}
    acknowledged: list[str] = []
    errors = 0
    with ours.running() as first, running(usual, port, folder / "usual.log") as second:
        servers = {
            "ours": (first.pid, ours.port, ours.request(sounds[0])),
            "usual": (second.pid, port, form(sounds[0], port)),
        }
        for _ in range(rounds):
            for name, (process, server_port, content) in servers.items():
                for kind, connections in (("", CONNECTIONS), ("_alone", 1)):
                    before_s = cpu_s(process)
                    replies = asyncio.run(closed_loop(server_port, content, connections=connections, seconds=seconds))
                    errors += sum(n for status, n in replies.statuses.items() if status not in (200, 201))
                    acknowledged += replies.ids
                    cpu_ms = 1e3 * (cpu_s(process) - before_s) / len(replies.seconds)
                    found.setdefault(f"{name}{kind}_cpu_ms", []).append(cpu_ms)
                    found.setdefault(f"{name}{kind}_per_s", []).append(len(replies.seconds) / replies.wall_s)
                    found.setdefault(f"{name}{kind}_p50_ms", []).append(1e3 * replies.percentile(50))
                    found.setdefault(f"{name}{kind}_p99_ms", []).append(1e3 * replies.percentile(99))
    kept = ours.ids()
    figures: dict[str, Any] = {name: round(statistics.median(values), 2) for name, values in found.items()}
    figures["throughput_ratio"] = round(statistics.median(np.divide(found["ours_per_s"], found["usual_per_s"])), 2)
    figures["cpu_ratio"] = round(statistics.median(np.divide(found["usual_cpu_ms"], found["ours_cpu_ms"])), 2)
    for kind, name in (("", "p50_ratio"), ("_alone", "alone_p50_ratio")):
        ratios = np.divide(found[f"ours{kind}_p50_ms"], found[f"usual{kind}_p50_ms"])
        figures[name] = round(float(statistics.median(ratios)), 3)
    return figures | {
        "errors": errors,
        "answers": len(acknowledged),
        "log_rows": len(kept),
        "unique_ids": len(set(acknowledged) & set(kept)),
    }


def overload(bundle: Path, sounds: list[bytes], folder: Path, per_s: float, *, seconds: float) -> dict[str, Any]:
    """Send five times the capacity, and measure latency, health and recovery."""
    ours = Ours(bundle, folder, "overload")

    with ours.running():
        # A separate process probes health: the load would delay a probe in its own loop.
        prober = [sys.executable, str(Path(__file__).with_name("_load.py")), str(ours.port), str(seconds)]
        with subprocess.Popen(prober, stdout=subprocess.PIPE) as probing:
            replies = asyncio.run(open_loop(ours.port, ours.request(sounds[1]), rate=5 * per_s, seconds=seconds))
            probe_s = json.loads(probing.communicate()[0])
        began = time.perf_counter()
        normal_after_s = float("inf")
        while time.perf_counter() - began < 10:
            after = asyncio.run(closed_loop(ours.port, ours.request(sounds[1]), connections=1, seconds=0.3))
            if set(after.statuses) == {201}:
                normal_after_s = time.perf_counter() - began
                break
    return {
        "overload_offered_per_s": round(5 * per_s, 1),
        "overload_sent_per_s": round(sum(replies.statuses.values()) / replies.wall_s, 1),
        "overload_statuses": {str(status): n for status, n in sorted(replies.statuses.items())},
        "overload_accepted_p99_s": round(replies.percentile(99), 3),
        "overload_healthz_p99_ms": round(1e3 * statistics.quantiles(probe_s, n=100)[98], 1),
        "overload_healthz_max_ms": round(1e3 * max(probe_s), 1),
        "overload_normal_after_s": round(normal_after_s, 2),
        "overload_lost": len(set(replies.ids) - set(ours.ids())),
    }


def streams(bundle: Path, folder: Path, *, n: int, seconds: float) -> dict[str, Any]:
    """Send streams in real time in blocks of 0.1 s, and measure the delay from a window's end to its message."""
    ours = Ours(bundle, folder, "streams")
    rng = np.random.default_rng(0)
    block_s = 0.1
    block = (3000 * rng.standard_normal(round(block_s * RATE_HZ))).astype("<i2").tobytes()
    delays_s: list[float] = []

    async def stream(index: int) -> None:
        await asyncio.sleep(index * 0.031)  # staggered starts
        url = f"ws://127.0.0.1:{ours.port}/v1/streams?rate_hz={RATE_HZ}"
        async with websockets.connect(url, compression=None) as connection:
            began = time.perf_counter()

            async def receive() -> None:
                async for message in connection:
                    prediction = json.loads(message)
                    if prediction["level"] == "window":
                        delays_s.append(time.perf_counter() - began - prediction["end_s"])

            receiving = asyncio.create_task(receive())
            for index in range(1, round(seconds / block_s) + 1):
                if (wait := began + index * block_s - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                await connection.send(block)
            await connection.send("end")
            await receiving

    async def all_streams() -> None:
        await asyncio.gather(*(stream(index) for index in range(n)))

    with ours.running():
        asyncio.run(all_streams())
    cuts = statistics.quantiles(delays_s, n=100)
    return {
        "streams": n,
        "stream_windows": len(delays_s),
        "stream_p50_ms": round(1e3 * cuts[49], 1),
        "stream_p95_ms": round(1e3 * cuts[94], 1),
        "stream_max_ms": round(1e3 * max(delays_s), 1),
        "stream_entries": len(ours.ids()),
    }


def measure(*, short: bool) -> dict[str, Any]:
    """Run every scenario; ``short`` takes fewer rounds and less time."""
    with tempfile.TemporaryDirectory(prefix="auricle-serving-") as name:
        folder = Path(name)
        bundle, pickled, sounds = train_models(folder)
        rounds, seconds = (2, 2.0) if short else (5, 4.0)
        found = compare_throughput(bundle, pickled, sounds, folder, workers=1, rounds=rounds, seconds=seconds)
        two = compare_throughput(bundle, pickled, sounds, folder, workers=2, rounds=rounds, seconds=seconds)
        found |= {f"two_{name}": value for name, value in two.items()}
        away_s = 3.0 if short else 30.0
        steps: list[Callable[[], dict[str, Any]]] = [
            lambda: overload(bundle, sounds, folder, found["ours_per_s"], seconds=5 if short else 15),
            lambda: streams(bundle, folder, n=32, seconds=8 if short else 30),
            lambda: stopped(bundle, sounds, folder),
            lambda: locked(bundle, sounds, folder, seconds=away_s),
            lambda: postgresql_stopped(bundle, sounds, folder, seconds=away_s),
            lambda: full_disk(bundle, sounds, folder, seconds=away_s),
            lambda: hostile(bundle, sounds, folder),
            lambda: kills(bundle, sounds, folder, n=3 if short else 100),
        ]
        for step in steps:
            began = time.perf_counter()
            figures = step()
            found |= figures
            print(f"{next(iter(figures))}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--short", action="store_true", help="under two minutes: fewer rounds, kills and seconds")
    options = parser.parse_args()
    found = measure(short=options.short)
    rows = targets(found)
    if options.json:
        print(json.dumps(found | {"targets_met": sum(bool(is_met) for *_, is_met in rows), "targets": len(rows)}))
        return
    for name, value in found.items():
        print(f"{name:28} {value}")
    print(f"\n{'target':54} {'required':>12}  {'':6} measured")
    for target, required, measured, is_met in rows:
        print(f"{target:54} {required:>12}  {'met' if is_met else 'MISSED':6} {measured}")


if __name__ == "__main__":
    main()
