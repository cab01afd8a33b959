"""Processor time of whole commands from start to end, beside that of another checkout.

Both checkouts are compiled to byte code, run once before the measurement, and take turns. The sound is one second of
noise and a tone; the model is trained here, so caches are warm.
"""

import argparse
import compileall
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).resolve().parents[1]
TARGETS = {"version": 0.35, "help": 0.4, "predict": 0.9}
"""Largest allowed ratio to the other checkout's processor time."""


def run_s(tree: Path, folder: Path, arguments: list[str]) -> float:
    """Run a command of a checkout and return its processor time in seconds."""
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "AURICLE_CACHE_DIR": str(folder / "cache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "auricle", *arguments], check=True, capture_output=True, cwd=folder, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def prepare(folder: Path) -> dict[str, list[str]]:
    """Write sounds and a model; return the commands to measure."""
    rng = np.random.default_rng(0)
    for label, hz in {"low": 200, "high": 900}.items():
        (folder / "sounds" / label).mkdir(parents=True)
        for index in range(12):
            time_s = np.arange(16_000) / 16_000
            tone = 0.3 * np.sin(2 * np.pi * rng.uniform(0.9, 1.1) * hz * time_s)
            samples = (tone + rng.normal(0, 0.02, time_s.size)).astype(np.float32)
            soundfile.write(folder / "sounds" / label / f"{index}.wav", samples, 16_000)
    run_s(HERE, folder, ["train", "sounds", "--models", "forest", "-o", "model.auricle"])
    sound = str(Path("sounds", "low", "0.wav"))
    return {"version": ["--version"], "help": ["--help"], "predict": ["predict", "model.auricle", sound]}


def measure(trees: dict[str, Path], rounds: int) -> dict[str, float]:
    """Return the median processor time of each command in each checkout, in milliseconds."""
    for tree in trees.values():
        compileall.compile_dir(tree / "src", quiet=1)
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command, arguments in prepare(folder).items():
            took: dict[str, list[float]] = {side: [] for side in trees}
            for round_ in range(rounds + 1):
                for side, tree in trees.items():
                    seconds = run_s(tree, folder, arguments)
                    if round_:  # the first fills the caches
                        took[side].append(seconds)
            figures |= {f"{command}_{side}_ms": 1e3 * statistics.median(times) for side, times in took.items()}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="5 runs of each command in place of 11")
    parser.add_argument(
        "--against", type=Path, metavar="TREE", help="another checkout, measured in turns with this one"
    )
    arguments = parser.parse_args()
    trees = {"own": HERE} | ({} if arguments.against is None else {"other": arguments.against.resolve()})
    figures: dict[str, float | str] = {**measure(trees, 5 if arguments.short else 11)}
    if arguments.against is not None:
        for command, target in TARGETS.items():
            ratio = float(figures[f"{command}_own_ms"]) / float(figures[f"{command}_other_ms"])
            verdict = "met" if ratio <= target else "missed"
            figures |= {f"{command}_ratio": ratio, f"{command}_target": target, f"{command}_target_is": verdict}
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:20} {value if isinstance(value, str) else format(value, '10.3f'):>10}")


if __name__ == "__main__":
    main()
