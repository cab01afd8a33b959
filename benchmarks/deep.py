"""Scores of the CNN and of pretrained embeddings on real recordings, by feature block, and what they cost.

Every score is by recording, on held-out groups; settings are fixed, so nothing is selected on. A linear model
(standardised, clipped at 3, logistic or ridge) reads rows; the CNN reads images. Needs the recordings in ../shared/data
and ../shared/models/yamnet.onnx; the speech embedding and the CNN are skipped where their packages are not installed.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from auricle.audio.clip import Clip
from auricle.audio.decode import read
from auricle.bundles.graph import Graph
from auricle.datasets.dataset import Dataset
from auricle.features.embeddings.presets import load_embedding
from auricle.features.extractor import Extractor
from auricle.features.image import Image, image_spec
from auricle.features.spec import default_spec
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.preprocessing import Standardize

SHARED = Path(__file__).resolve().parents[2] / "shared"

SETS: dict[str, tuple[dict[str, str], float]] = {
    "esc10": ({"group": "fold"}, 5.0),
    "motor": ({"group": "throttle_pct", "target": "target"}, 2.0),
    "commands": ({"group": "speaker"}, 1.0),
    "fsdd": ({"group": "speaker"}, 1.0),
}
"""Columns of each set that group its recordings, and the seconds of an image."""

LEAST = {"esc10": (0.92, 0.98), "commands": (0.92, 0.93), "fsdd": (0.92, 0.955)}
"""Least scores of the CNN alone, and of embeddings."""

STRENGTHS = {"classify": 0.03, "regress": 100.0}


def blocks_of(groups: np.ndarray) -> np.ndarray:
    """Return one block a group where groups are few, else five blocks of whole groups."""
    names, block = np.unique(groups, return_inverse=True)
    if len(names) <= 10:
        return block
    blocks = np.empty(len(groups), int)
    for index, (_, out) in enumerate(GroupKFold(5, shuffle=True, random_state=0).split(groups, groups=groups)):
        blocks[out] = index
    return blocks


def score(truth: np.ndarray, predictions: np.ndarray) -> float:
    return float(r2_score(truth, predictions) if truth.dtype.kind == "f" else (truth == predictions).mean())


def linear(task: str) -> Any:
    strength = STRENGTHS[task]
    last = Ridge(alpha=strength) if task == "regress" else LogisticRegression(C=strength, max_iter=500)
    return make_pipeline(Standardize(3.0), last)


def subsample(rows: np.ndarray, y: np.ndarray, part: float, seed: int) -> np.ndarray:
    """Return a part of the rows of each class, drawn at random, in their order."""
    random = np.random.default_rng(seed)
    of_class = [random.permutation(rows[y[rows] == label]) for label in np.unique(y)]
    return np.sort(np.concatenate([rows[: int(part * len(rows))] for rows in of_class]))


def cross_validate(
    make: Callable[[], Any], X: np.ndarray, y: np.ndarray, blocks: np.ndarray, n_blocks: int | None, part: float = 1.0
) -> float:
    """Return the score of out-of-fold predictions, of the first ``n_blocks`` blocks or of all."""
    predictions, is_predicted = np.empty_like(y), np.zeros(len(y), bool)
    for block in np.unique(blocks)[:n_blocks]:
        out = blocks == block
        learned = subsample(np.flatnonzero(~out), y, part, int(block))
        predictions[out] = make().fit(X[learned], y[learned]).predict(X[out])
        is_predicted |= out
    return score(y[is_predicted], predictions[is_predicted])


def rows_by_block(clips: list[Clip]) -> dict[str, tuple[np.ndarray, float]]:
    """Return the rows of each feature block, and its milliseconds per second of sound."""
    seconds = sum(clip.duration_s for clip in clips)
    extractor = Extractor(default_spec(clips[0].rate_hz))
    makers: dict[str, Callable[[Clip], np.ndarray]] = {"pooled": lambda clip: extractor.row(clip.samples)}
    if (SHARED / "models" / "yamnet.onnx").is_file():
        yamnet = load_embedding(str(SHARED / "models" / "yamnet.onnx"))
        makers["yamnet"] = lambda clip: yamnet.row(clip.samples, clip.rate_hz)
    if find_spec("livekit"):
        speech = load_embedding("speech")
        makers["speech"] = lambda clip: speech.row(clip.samples, clip.rate_hz)
    found = {}
    for name, make in makers.items():
        make(clips[0])  # compiled and opened
        started = time.perf_counter()
        rows = np.stack([make(clip) for clip in clips])
        found[name] = rows, 1e3 * (time.perf_counter() - started) / seconds
    return found


def cnn(
    task: str, clips: list[Clip], span_s: float, y: np.ndarray, blocks: np.ndarray, n_blocks: int, part: float
) -> dict[str, Any]:
    """Return the CNN's score, the seconds of a fold, and the largest difference between its graph and torch."""
    from auricle.training.convert.estimators import convert

    image = Image(image_spec(clips[0].rate_hz, span_s))
    X = np.stack([image.row(clip.samples, clip.rate_hz) for clip in clips])
    fitted: list[Any] = []

    def make() -> Any:
        fitted.append((CnnRegressor if task == "regress" else CnnClassifier)(image.shape))
        return fitted[-1]

    started = time.perf_counter()
    found: dict[str, Any] = {"cnn": cross_validate(make, X, y, blocks, n_blocks, part)}
    found["cnn_blocks"] = min(n_blocks, len(np.unique(blocks)))
    found["cnn_fold_seconds"] = (time.perf_counter() - started) / found["cnn_blocks"]
    model = fitted[-1]
    from_graph = Graph(convert(model, X.shape[1])).predict(X[:200])
    expected = model.predict(X[:200])[:, None] if task == "regress" else model.predict_proba(X[:200])
    found["cnn_graph_difference"] = float(np.abs(from_graph - expected).max())
    return found


def measure(name: str, *, cnn_blocks: int, cnn_part: float) -> dict[str, Any]:
    options, span_s = SETS[name]
    dataset = Dataset.load(SHARED / "data" / name, **options)
    y = dataset.labels if dataset.task == "classify" else dataset.targets
    blocks = blocks_of(np.array([example.group for example in dataset.examples]))
    clips = [read(example.file) for example in dataset.examples]
    rows = rows_by_block(clips)
    found: dict[str, Any] = {f"{block}_ms_per_s": cost for block, (_, cost) in rows.items()}
    for count in range(1, len(rows) + 1):
        for chosen in combinations(rows, count):
            X = np.concatenate([rows[block][0] for block in chosen], axis=1)
            found["+".join(chosen)] = cross_validate(lambda: linear(dataset.task), X, y, blocks, None)
    if cnn_blocks and find_spec("torch"):
        found |= cnn(dataset.task, clips, span_s, y, blocks, cnn_blocks, cnn_part)
    return found


def yamnet_ms() -> dict[str, float]:
    """Return the wall and processor time of YAMNet for ten seconds of sound on one thread.

    Other programs lengthen the wall time, and the processor time a little.
    """
    yamnet = load_embedding(str(SHARED / "models" / "yamnet.onnx"))
    sound = (0.1 * np.random.default_rng(0).standard_normal(160_000)).astype(np.float32)
    wall_ms, processor_ms = [], []
    for _ in range(30):
        started, started_processor = time.perf_counter(), time.process_time()
        yamnet.row(sound, 16_000)
        wall_ms.append(1e3 * (time.perf_counter() - started))
        processor_ms.append(1e3 * (time.process_time() - started_processor))
    return {
        "yamnet_10s_ms": float(np.median(wall_ms)),
        "yamnet_10s_least_ms": min(wall_ms),
        "yamnet_10s_processor_ms": float(np.median(processor_ms)),
    }


def show(name: str, found: dict[str, Any]) -> None:
    print(
        f"{name}:"
        + (" the CNN must score at least {:.3f}, embeddings {:.3f}".format(*LEAST[name]) if name in LEAST else "")
    )
    for key, value in found.items():
        print(
            f"  {key}: {value:.2g}" if isinstance(value, float) and value < 1e-3 else f"  {key}: {value:.4g}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="esc10 and motor, and of the CNN one fold of motor")
    parser.add_argument("--sets", default=",".join(SETS), help="sets, separated by commas")
    parser.add_argument("--cnn-blocks", type=int, default=100, help="blocks that the CNN is scored on; 0 skips it")
    parser.add_argument("--cnn-part", type=float, default=1.0, help="fraction of each class that the CNN is fitted to")
    arguments = parser.parse_args()
    if not (SHARED / "data").is_dir():
        raise SystemExit(f"{SHARED / 'data'}: this folder must hold the recordings. It does not exist.")
    measured: dict[str, Any] = yamnet_ms() if (SHARED / "models" / "yamnet.onnx").is_file() else {}
    if not arguments.json:
        show("one core", measured)
    for name in ("esc10", "motor") if arguments.short else arguments.sets.split(","):
        n_blocks = int(name == "motor") if arguments.short else arguments.cnn_blocks
        found = measure(name, cnn_blocks=n_blocks, cnn_part=arguments.cnn_part)
        measured |= {f"{name}_{key}": value for key, value in found.items()}
        if not arguments.json:
            show(name, found)
    if arguments.json:
        print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
