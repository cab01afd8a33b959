"""Speed of the features against librosa, torch and decoding alone, in one process and one thread by default.

Peers take turns, round by round, and the ratio is of medians: these are noisy machines. Sound is a minute of noise and
chirps, made here. torch is measured where it is installed (what torchaudio runs: torch.stft and a matrix product).
"""

import argparse
import json
import os
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

import librosa
import numpy as np
import soundfile
import soxr

from auricle import features
from auricle.audio.decode import read
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec
from auricle.runtime.compute import parallel_map

MINUTE_S = 60


def sound(rate_hz: int, seconds: float = MINUTE_S) -> np.ndarray:
    rng = np.random.default_rng(0)
    time_s = np.arange(int(rate_hz * seconds)) / rate_hz
    chirp = 0.3 * np.sin(2 * np.pi * (100 + 40 * time_s) * time_s)
    return (chirp + rng.normal(0, 0.05, time_s.size)).astype(np.float32)


def race(rounds: int, **peers: Callable[[], Any]) -> dict[str, float]:
    """Let every peer run once a round, after one run to warm up; return the median seconds of each."""
    for run in peers.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, run in peers.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def log_mel(rounds: int, rate_hz: int, n_fft: int, hop: int, n_mels: int) -> dict[str, float]:
    samples = sound(rate_hz)
    spec = FeatureSpec(rate_hz=rate_hz, n_fft=n_fft, hop=hop, n_mels=n_mels)
    settings = {"sr": rate_hz, "n_fft": n_fft, "hop_length": hop, "n_mels": n_mels, "center": False}
    peers: dict[str, Callable[[], Any]] = {
        "auricle": lambda: features.log_mel(samples, spec),
        "librosa": lambda: librosa.power_to_db(librosa.feature.melspectrogram(y=samples, **settings), top_db=None),
    }
    try:
        import torch
    except ImportError:
        pass
    else:
        torch.set_num_threads(1)
        window = torch.hann_window(n_fft)
        filters = torch.from_numpy(librosa.filters.mel(sr=rate_hz, n_fft=n_fft, n_mels=n_mels))
        tensor = torch.from_numpy(samples)

        def with_torch() -> Any:
            spectrum = torch.stft(tensor, n_fft, hop, window=window, center=False, return_complex=True)
            return 10 * torch.log10(torch.clamp(filters @ spectrum.abs().pow(2), min=1e-10))

        peers["torch"] = with_torch
    return race(rounds, **peers)


CEPSTRUM = ("mfcc", "mfcc_delta", "mfcc_delta2")
ROW = (*CEPSTRUM, "centroid", "bandwidth", "rolloff", "flatness", "contrast", "chroma", "rms", "zcr")


def full_row(rounds: int) -> dict[str, float]:
    samples, rate_hz = sound(22_050), 22_050
    ours = Extractor(FeatureSpec(rate_hz=rate_hz, features=ROW))
    of = librosa.feature

    def pooled(parts: list[np.ndarray]) -> np.ndarray:
        frames = np.vstack(parts)
        return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])

    def shared() -> np.ndarray:
        magnitude = np.abs(librosa.stft(samples, center=False))
        power = magnitude**2
        mel = librosa.power_to_db(of.melspectrogram(S=power, sr=rate_hz), top_db=None)
        mfcc = of.mfcc(S=mel, n_mfcc=20)
        return pooled([
            mfcc, of.delta(mfcc), of.delta(mfcc, order=2), of.spectral_centroid(S=magnitude, sr=rate_hz),
            of.spectral_bandwidth(S=magnitude, sr=rate_hz), of.spectral_rolloff(S=magnitude, sr=rate_hz),
            of.spectral_flatness(S=magnitude), of.spectral_contrast(S=magnitude, sr=rate_hz),
            of.chroma_stft(S=power, sr=rate_hz, tuning=0), of.rms(y=samples, center=False),
            of.zero_crossing_rate(samples, center=False),
        ])  # fmt: skip

    def usual() -> np.ndarray:
        y = {"y": samples, "sr": rate_hz, "center": False}
        mfcc = of.mfcc(y=samples, sr=rate_hz, n_mfcc=20, center=False)
        return pooled([
            mfcc, of.delta(mfcc), of.delta(mfcc, order=2), of.spectral_centroid(**y), of.spectral_bandwidth(**y),
            of.spectral_rolloff(**y), of.spectral_flatness(y=samples, center=False), of.spectral_contrast(**y),
            of.chroma_stft(**y, tuning=0), of.rms(y=samples, center=False),
            of.zero_crossing_rate(samples, center=False),
        ])  # fmt: skip

    return race(rounds, auricle=lambda: ours.row(samples), librosa_shared=shared, librosa_usual=usual)


def pieces(rounds: int) -> dict[str, float]:
    """Return the price of a row of one group alone, framing, FFT and pooling included, in µs a frame."""
    samples = sound(22_050)
    n_frames = FeatureSpec().n_frames(samples.size)
    groups = ("flatness", "mel", "mfcc", "mfcc_delta2", "centroid", "contrast", "chroma", "flux", "rms")
    runs = {group: Extractor(FeatureSpec(features=(group,))) for group in groups}
    took = race(rounds, **{group: (lambda e=extractor: e.row(samples)) for group, extractor in runs.items()})
    return {group: seconds / n_frames * 1e6 for group, seconds in took.items()}


def data_set(rounds: int, folder: Path) -> dict[str, float]:
    """Rows of 200 FLAC files of 5 s at 44.1 kHz, against decoding and resampling them with the same libraries."""
    files = []
    for number in range(200):
        files.append(folder / f"{number}.flac")
        soundfile.write(files[-1], sound(44_100, 5.0) * np.random.default_rng(number).uniform(0.2, 1.0), 44_100)
    extractor = Extractor(FeatureSpec(rate_hz=22_050, features=ROW))

    def rows(workers: int) -> Any:
        return list(
            parallel_map(lambda file: extractor.row(read(file, rate_hz=22_050).samples), files, workers=workers)
        )

    def bare() -> Any:
        for file in files:
            samples, rate_hz = soundfile.read(file, dtype="float32")
            soxr.resample(samples, rate_hz, 22_050)

    return race(rounds, rows=lambda: rows(1), rows_two_cores=lambda: rows(2), bare=bare)


LONG = """
import json, re, sys, time
from pathlib import Path
from auricle.audio.decode import open_sound
from auricle.audio.windows import Cutter
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec

extractor = Extractor(FeatureSpec(rate_hz=16_000, n_fft=512, hop=160, n_mels=40, features=FEATURES))
started, n_rows, cutter = time.perf_counter(), 0, Cutter(16_000, 16_000, 16_000)
with open_sound(sys.argv[1]) as sound:
    for block in sound.blocks():
        n_rows += sum(extractor.row(window.samples).size > 0 for window in cutter.push(block))
seconds = time.perf_counter() - started
# Not getrusage: a child's begins with the memory that its parent held when it was started.
peak_kb = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps({"seconds": seconds, "rows": n_rows, "peak_mb": peak_kb / 1e3}))
"""

START = """
import numpy as np, auricle
samples = np.random.default_rng(0).normal(0, 0.1, 44_100).astype("f4")
auricle.Extractor(auricle.FeatureSpec(features=FEATURES)).row(samples)
"""


def program(text: str, *arguments: str, **environment: str) -> str:
    """Run a program in a process of its own; return what it printed."""
    command = [sys.executable, "-c", text.replace("FEATURES", repr(ROW)), *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def long_file(hours: float, folder: str) -> dict[str, float]:
    """Rows of every second of one WAV, in a process of its own; seconds, and the most memory it held, in MB."""
    path = Path(folder) / f"{hours}.wav"
    minute = sound(16_000)
    with soundfile.SoundFile(path, "w", 16_000, 1, "PCM_16") as stream:
        for _ in range(int(hours * 60)):
            stream.write(minute)
    measured: dict[str, float] = json.loads(program(LONG, str(path)))
    path.unlink()
    return measured


def starts(folder: str) -> dict[str, float]:
    """Seconds from the start of a process to its first row: with nothing compiled yet, then from the cache on disk."""
    took = []
    for _ in range(6):
        started = time.perf_counter()
        program(START, NUMBA_CACHE_DIR=folder)
        took.append(time.perf_counter() - started)
    return {"first_s": took[0], "later_s": statistics.median(took[1:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="fewer rounds, and a long file of 2 hours in place of 24")
    arguments = parser.parse_args()
    rounds = 5 if arguments.short else 15
    figures: dict[str, float] = {}
    for name, settings in {"22k": (22_050, 2048, 512, 128), "16k": (16_000, 512, 160, 80)}.items():
        took = log_mel(rounds, *settings)
        figures |= {f"log_mel_{name}_{peer}_ms": seconds * 1e3 for peer, seconds in took.items()}
        figures |= {f"log_mel_{name}_vs_{peer}": took[peer] / took["auricle"] for peer in took if peer != "auricle"}
    took = full_row(rounds)
    figures |= {f"row_{peer}_ms": seconds * 1e3 for peer, seconds in took.items()}
    figures |= {f"row_vs_{peer}": took[peer] / took["auricle"] for peer in took if peer != "auricle"}
    figures |= {f"alone_{group}_us_a_frame": value for group, value in pieces(rounds).items()}
    with tempfile.TemporaryDirectory() as folder:
        took = data_set(max(3, rounds // 3), Path(folder))
        figures["flac_rows_vs_bare"] = took["rows"] / took["bare"]
        figures["flac_real_time"] = 1000.0 / took["rows"]
        figures["two_cores_vs_one"] = took["rows"] / took["rows_two_cores"]
        for hours in (1, 2) if arguments.short else (1, 24):
            figures |= {f"wav_{hours}h_{key}": value for key, value in long_file(hours, folder).items()}
        figures |= {f"start_{key}": value for key, value in starts(folder).items()}
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value:10.3f}")


if __name__ == "__main__":
    main()
