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
from _harm import full_disk, hostile, kills, locked, postgresql_stopped, stopped
from _load import closed, open_loop, request
from _server import Ours, cpu_s, free_port, running
from _serving_targets import targets

RATE_HZ = 16_000
CONNECTIONS = 16
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


def measure(*, short: bool) -> dict[str, Any]:
    """Measure everything; ``short`` asks less of it."""
    with tempfile.TemporaryDirectory(prefix="auricle-serving-") as name:
        folder = Path(name)
        bundle, pickled, sounds = made(folder)
        rounds, seconds = (2, 2.0) if short else (5, 4.0)
        found = beside_the_usual(bundle, pickled, sounds, folder, rounds=rounds, seconds=seconds)
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
            told = step()
            found |= told
            print(f"{next(iter(told))}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
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
    print(f"\n{'target':54} {'asked':>12}  {'':6} measured")
    for what, asked, measured, is_met in rows:
        print(f"{what:54} {asked:>12}  {'met' if is_met else 'MISSED':6} {measured}")


if __name__ == "__main__":
    main()
