"""Speed of prediction for files, folders, long recordings and streams, and whether a killed run loses or repeats rows.

The model is a forest on machine sounds of 5 s at 16 kHz, trained here with default settings. The baseline is the usual
loop over the same windows: librosa's features over one shared STFT, their means and deviations, and a pickled
scikit-learn forest, one window at a time. Ratios are of medians measured in turns, because the machine is noisy.
Figures named ``cpu`` are processor times, which other programs do not change.
"""

import argparse
import json
import os
import pickle
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import librosa
import numpy as np
import soundfile
from sklearn.ensemble import RandomForestClassifier

from auricle.audio.decode import read
from auricle.datasets.dataset import Dataset
from auricle.datasets.synthesis import machines
from auricle.prediction.bulk.batch import map_files
from auricle.prediction.bulk.output import FileLines, render
from auricle.prediction.predictor import Predictor, load
from auricle.prediction.request import PredictionRequest
from auricle.prediction.stream import Stream
from auricle.training.train import train

RATE_HZ = 16_000
HOUR_S = 3600
BLOCK_S = 0.1
COMMAND = [sys.executable, "-m", "auricle", "predict"]
ONE_FILE = """
import re, sys, time
from pathlib import Path
from auricle.prediction.predictor import load
model = load(sys.argv[1])
model.predict(sys.argv[2])
started = time.process_time()
windows = 0
for stream, predictions in model.iter_windows(sys.argv[3]):
    windows += len(predictions)
stream.recording()
seconds = time.process_time() - started
# Not getrusage: a child's peak starts at the memory of its parent.
peak_kb = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(seconds, peak_kb / 1e3, windows)
"""


def models(folder: Path) -> dict[str, Path]:
    """Train the forest with windows of 5 s, the default for recordings over 10 s, and with windows of 1 s."""
    data = Dataset.load(machines(folder / "sounds", n=80, seed=1, rate_hz=RATE_HZ, duration_s=5.0), group="machine")
    made = {}
    for name, window_s in {"5s": 5.0, "1s": 1.0}.items():
        made[name] = folder / f"forest{name}.auricle"
        train(data, models="forest", window_s=window_s, name=f"forest{name}").bundle.save(made[name])
    return made


def long_sound(folder: Path, seconds: float, suffix: str) -> Path:
    """Write a recording that repeats the clips."""
    clips = np.concatenate([read(file).samples for file in sorted((folder / "sounds" / "clips").iterdir())])
    path = folder / f"long{seconds:g}.{suffix}"
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        left = round(seconds * RATE_HZ)
        while left > 0:
            file.write(clips[:left])
            left -= clips.size
    return path


class Baseline:
    """The usual loop: features by librosa, predictions by a pickled forest."""

    def __init__(self, folder: Path) -> None:
        data = Dataset.load(folder / "sounds", group="machine")
        rows = np.stack([self.row(librosa.load(example.file, sr=None)[0]) for example in data.examples])
        forest = RandomForestClassifier(100, random_state=0).fit(rows, data.labels)
        self.forest = pickle.loads(pickle.dumps(forest))  # noqa: S301  (our own)

    @staticmethod
    def row(y: np.ndarray) -> np.ndarray:
        """Return one row of features."""
        magnitude = np.abs(librosa.stft(y, n_fft=512, hop_length=128))
        mel = librosa.feature.melspectrogram(S=magnitude**2, sr=RATE_HZ, n_mels=40)
        mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
        shared = {"S": magnitude, "sr": RATE_HZ, "n_fft": 512, "hop_length": 128}
        groups = [
            mfcc,
            librosa.feature.delta(mfcc),
            librosa.feature.delta(mfcc, order=2),
            librosa.feature.spectral_centroid(**shared),
            librosa.feature.spectral_bandwidth(**shared),
            librosa.feature.spectral_rolloff(**shared),
            librosa.feature.spectral_flatness(S=magnitude),
            librosa.feature.spectral_contrast(**shared),
            librosa.feature.rms(S=magnitude, frame_length=512),
            librosa.feature.zero_crossing_rate(y, frame_length=512, hop_length=128),
        ]
        return np.concatenate([statistic for group in groups for statistic in (group.mean(axis=1), group.std(axis=1))])

    def predict(self, path: Path, window_s: float) -> list[Any]:
        """Predict a file window by window."""
        y, rate_hz = librosa.load(path, sr=None)
        size = round(window_s * rate_hz)
        return [
            self.forest.predict_proba(self.row(y[start : start + size])[np.newaxis])
            for start in range(0, y.size - size + 1, size)
        ]


def race(rounds: int, **peers: Callable[[], Any]) -> dict[str, float]:
    """Run every peer once per round, after a warm-up; return the median wall and processor seconds of each."""
    for run in peers.values():
        run()
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, run in peers.items():
            started, started_cpu = time.perf_counter(), time.process_time()
            run()
            times.setdefault(name, []).append(time.perf_counter() - started)
            times.setdefault(f"{name}_cpu", []).append(time.process_time() - started_cpu)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def one_core(folder: Path, bundles: dict[str, Path], rounds: int) -> dict[str, float]:
    baseline = Baseline(folder)
    file, short = long_sound(folder, 600, "wav"), long_sound(folder, 60, "wav")
    found = {}
    for name, path in bundles.items():
        model = load(path)
        window_s = float(name.removesuffix("s"))
        took = race(
            rounds,
            auricle=lambda model=model: model.predict(file),
            usual=lambda window_s=window_s: baseline.predict(short, window_s),
        )
        found[f"x_real_time_{name}_windows"] = 600 / took["auricle"]
        found[f"x_real_time_cpu_{name}_windows"] = 600 / took["auricle_cpu"]
        found[f"usual_x_real_time_{name}_windows"] = 60 / took["usual"]
        found[f"vs_usual_{name}_windows"] = 10 * took["usual"] / took["auricle"]
        found[f"vs_usual_cpu_{name}_windows"] = 10 * took["usual_cpu"] / took["auricle_cpu"]
    return found


def long_files(folder: Path, bundle: Path, hours: tuple[float, float]) -> dict[str, float]:
    """Predict the windows of a shorter and a longer recording, each in its own process."""
    found: dict[str, float] = {}
    warm = str(long_sound(folder, 60, "wav"))
    for suffix in ("wav", "flac"):
        took = []
        for length in hours:
            path = long_sound(folder, length * HOUR_S, suffix)
            ran = subprocess.run(
                [sys.executable, "-c", ONE_FILE, bundle, warm, path], capture_output=True, text=True, check=True
            )
            path.unlink()
            seconds, megabytes, _ = map(float, ran.stdout.split())
            took.append(seconds)
            found |= {f"{suffix}_{length:g}h_cpu_s": seconds, f"{suffix}_{length:g}h_mb": megabytes}
        found[f"{suffix}_time_vs_linear"] = took[1] / took[0] * hours[0] / hours[1]
    return found


def latency(model: Predictor, n_windows: int) -> dict[str, float]:
    """Measure the time from a window's last sample to its prediction, with blocks of 20 ms pushed without pauses."""
    size = RATE_HZ // 50
    sound = np.random.default_rng(0).normal(0, 0.1, size * 50).astype(np.float32)
    stream, took = Stream(model.loaded, rate_hz=RATE_HZ), []
    while len(took) < n_windows:
        for block in np.split(sound, 50):
            started = time.perf_counter()
            if stream.push(block):
                took.append((time.perf_counter() - started) * 1e3)
    took = took[10:]
    return {"latency_p50_ms": statistics.median(took), "latency_p99_ms": float(np.quantile(took, 0.99))}


def many_streams(model: Predictor, n_streams: int, seconds: float) -> dict[str, float]:
    """Feed many streams in real time from two threads; return the delay of predictions."""
    block = np.random.default_rng(0).normal(0, 0.1, round(BLOCK_S * RATE_HZ)).astype(np.float32)
    late_s: list[float] = []
    began = time.perf_counter() + 0.2

    def feed(mine: range) -> None:
        streams = [(index * BLOCK_S / n_streams, Stream(model.loaded, rate_hz=RATE_HZ)) for index in mine]
        # Streams start at different times, so that their windows end evenly over the length of a window.
        due = sorted(
            (offset_s + index * BLOCK_S, stream_index)
            for stream_index, (offset_s, _) in enumerate(streams)
            for index in range(stream_index % 10, round(seconds / BLOCK_S))
        )
        for at_s, stream_index in due:
            time.sleep(max(0.0, began + at_s - time.perf_counter()))
            if streams[stream_index][1].push(block):
                late_s.append(time.perf_counter() - began - at_s)

    before = time.process_time()
    threads = [threading.Thread(target=feed, args=(range(first, n_streams, 2),)) for first in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    busy = (time.process_time() - before) / seconds
    return {
        f"streams_{n_streams}_late_p50_ms": statistics.median(late_s) * 1e3,
        f"streams_{n_streams}_late_p99_ms": float(np.quantile(late_s, 0.99)) * 1e3,
        f"streams_{n_streams}_late_last_ms": late_s[-1] * 1e3,
        f"streams_{n_streams}_cores_busy": busy,
    }


def short_files(folder: Path, n_files: int) -> Path:
    """Write a folder of hard links to 200 sounds of 1 s; a link costs as much to open as a file."""
    sources, names = folder / "sources", folder / "names"
    sources.mkdir()
    names.mkdir()
    sound = np.concatenate([read(file).samples for file in sorted((folder / "sounds" / "clips").iterdir())])
    for index in range(200):
        soundfile.write(sources / f"{index}.wav", sound[index * RATE_HZ : (index + 1) * RATE_HZ], RATE_HZ)
    for index in range(n_files):
        os.link(sources / f"{index % 200}.wav", names / f"{index:06}.wav")
    return names


def folders(folder: Path, bundle: Path, n_files: int) -> dict[str, float]:
    """Compare a run over many short files with a loop over them; start-up time is subtracted."""
    names = short_files(folder, n_files)
    model, some = load(bundle), sorted(names.iterdir())[: min(n_files, 2000)]
    loop = race(5, loop=lambda: [model.predict(file) for file in some])

    def run(*inputs: object) -> tuple[dict[str, float], float]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [*COMMAND, bundle, *inputs, "-o", folder / "rows.jsonl", "--workers", "2", "--json"]
        report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return report, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    few = some[:20]
    start, start_cpu = run(*few)
    report, cpu = run(names)
    n = n_files - len(few)
    run_ms = 2e3 * (report["seconds"] - start["seconds"]) / n
    run_cpu_ms = 1e3 * (cpu - start_cpu) / n
    loop_ms, loop_cpu_ms = (1e3 * loop[name] / len(some) for name in ("loop", "loop_cpu"))
    return {
        "files": n_files,
        "files_per_s_two_workers": report["files_per_s"],
        "loop_ms_a_file": loop_ms,
        "loop_cpu_ms_a_file": loop_cpu_ms,
        "overhead_ms_a_file_and_core": run_ms - loop_ms,
        "overhead_cpu_ms_a_file": run_cpu_ms - loop_cpu_ms,
        "two_workers_start_s": start["seconds"],
    }


def kills(folder: Path, bundle: Path, n_kills: int) -> dict[str, float]:
    """Kill a run at random moments and resume it; compare the result with that of a complete run, byte for byte."""
    rng, output = random.Random(0), folder / "killed.jsonl"  # noqa: S311
    whole = (folder / "rows.jsonl").read_bytes()
    length_s, done = 2.0, 0
    for _ in range(n_kills):
        resume = ["--resume"] if output.with_name("killed.jsonl.journal").exists() else []
        run = subprocess.Popen(
            [*COMMAND, bundle, folder / "names", "-o", output, *resume],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(rng.uniform(1.0, 3.0 + length_s))
        done += run.poll() is not None
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        if output.exists():
            output.unlink()  # the run ended before the kill: start again
    subprocess.run([*COMMAND, bundle, folder / "names", "-o", output, "--resume"], check=True)
    return {"kills": n_kills - done, "killed_and_resumed_is_the_same": float(output.read_bytes() == whole)}


def two_workers(folder: Path, bundle: Path, n_files: int) -> dict[str, float]:
    """Compare the speed of two workers with one, once all have started."""
    model, files = load(bundle), sorted((folder / "names").iterdir())[:n_files]
    took = {}
    for count in (1, 2, 1, 2):
        given = map_files(
            model, files, partial(render, request=PredictionRequest(), format_name="jsonl"), FileLines, workers=count
        )
        for _ in range(n_files // 4):
            next(given)
        started = time.perf_counter()
        n = sum(1 for _ in given)
        took.setdefault(count, []).append(n / (time.perf_counter() - started))
    return {"two_workers_vs_one": statistics.median(took[2]) / statistics.median(took[1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="2 hours in place of 24, 3,000 files in place of 100,000")
    arguments = parser.parse_args()
    short = arguments.short
    figures: dict[str, float] = {}
    folder = Path(tempfile.mkdtemp(prefix="auricle-prediction-"))
    try:
        bundles = models(folder)
        parts: list[Callable[[], dict[str, float]]] = [
            lambda: one_core(folder, bundles, 3 if short else 7),
            lambda: latency(load(bundles["1s"]), 300 if short else 2000),
            lambda: many_streams(load(bundles["1s"]), 200, 5 if short else 30),
            lambda: folders(folder, bundles["1s"], 3000 if short else 100_000),
            lambda: two_workers(folder, bundles["1s"], 2000 if short else 8000),
            lambda: kills(folder, bundles["1s"], 2 if short else 10),
            lambda: long_files(folder, bundles["5s"], (0.5, 2) if short else (6, 24)),
        ]
        for part in parts:
            found = part()
            figures |= found
            if not arguments.json:
                for name, value in found.items():
                    print(f"{name:36} {value:12.3f}", flush=True)
        figures["driver_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
