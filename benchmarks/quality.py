"""Scores of default training on real recordings, and of the article's random forest on the same folds.

The article's features are the mean and deviation of 20 MFCCs by librosa; its forest has 100 trees. Scores are by
recording, on groups held out of choice and fit. Needs the recordings in ../shared/data; pretrained models are used
where they are installed (docs/embeddings.md), and the CNN needs torch.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from auricle.audio.decode import read
from auricle.bundles.aggregation import predicted_class
from auricle.datasets.dataset import Dataset
from auricle.features.embeddings.presets import available_presets
from auricle.prediction.predictor import Predictor
from auricle.training.train import TrainResult, train

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"

SETS: dict[str, tuple[dict[str, str], float | None]] = {
    "esc10": ({"fold": "fold"}, 0.90),
    "commands": ({"group": "speaker"}, 0.85),
    "fsdd": ({"group": "speaker"}, 0.84),
    "motor": ({"group": "throttle_pct", "target": "target"}, 0.82),
    "cry": ({"group": "device"}, None),
}
"""Columns of each set for its split, and the least score of the best family."""

DEEP: dict[str, tuple[float, float]] = {
    "esc10": (0.98, 0.92),
    "commands": (0.93, 0.92),
    "fsdd": (0.955, 0.92),
    "motor": (0.82, 0.82),
}
"""Least scores of pretrained embeddings, and of the CNN."""

_TIMED = ("script_seconds", "forest_seconds", "forest_grid_seconds")


def article_rows(dataset: Dataset) -> np.ndarray:
    rows = []
    for example in dataset.examples:
        samples, rate_hz = librosa.load(example.file, sr=None)
        mfcc = librosa.feature.mfcc(y=samples, sr=rate_hz, n_mfcc=20, n_fft=min(2048, len(samples)))
        rows.append(np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1)]))
    return np.array(rows)


def article(dataset: Dataset, blocks: np.ndarray) -> tuple[float, float]:
    """Return the score of the article's forest on given folds, and its seconds."""
    started = time.perf_counter()
    X = article_rows(dataset)
    is_classifier = dataset.task == "classify"
    y = dataset.labels if is_classifier else dataset.targets
    predictions = np.empty_like(y)
    for block in np.unique(blocks):
        out = blocks == block
        model = (RandomForestClassifier if is_classifier else RandomForestRegressor)(100, random_state=0)
        predictions[out] = model.fit(X[~out], y[~out]).predict(X[out])
    score = float((predictions == y).mean()) if is_classifier else float(r2_score(y, predictions))
    return score, time.perf_counter() - started


def script(dataset: Dataset) -> float:
    """Return the seconds of the article's script: librosa's features, and a 4 x 4 grid in 5 folds."""
    started = time.perf_counter()
    X, y = article_rows(dataset), dataset.labels if dataset.task == "classify" else dataset.targets
    forest = RandomForestClassifier if dataset.task == "classify" else RandomForestRegressor
    grid = {"max_depth": (2, 4, 6, 8), "min_samples_split": (2, 4, 6, 8)}
    GridSearchCV(forest(100, random_state=0), grid, cv=5, n_jobs=-1).fit(X, y)
    return time.perf_counter() - started


def forest_alone(dataset: Dataset) -> tuple[float, float]:
    """Return the seconds of default training with the forest alone, and of the script's grid.

    The grid is searched once, as in the script, and so without the published folds.
    """
    once = replace(dataset, examples=tuple(replace(example, fold=None) for example in dataset.examples))
    return train(dataset, models="forest").seconds, train(once, models="forest", tune="grid").seconds


def calibration(result: TrainResult) -> dict[str, float]:
    """Return the calibration error, and the 95th percentile of that of perfect calibration, by simulation."""
    confidence = result.search.predictions.max(axis=1)
    rng = np.random.default_rng(0)
    by_chance = []
    for _ in range(1000):
        correct = rng.random(len(confidence)) < confidence
        bins = np.minimum((confidence * 10).astype(int), 9)
        gaps = [abs((correct[bins == b] - confidence[bins == b]).sum()) for b in np.unique(bins)]
        by_chance.append(sum(gaps) / len(confidence))
    scores = result.bundle.manifest.scores
    return {
        "ece": scores["ece"],
        "ece_limit": float(np.quantile(by_chance, 0.95)) + 0.015,
        "log_loss": scores["log_loss"],
        "log_loss_uncalibrated": scores["log_loss_uncalibrated"],
    }


def parity(result: TrainResult) -> tuple[float, int]:
    """Return the largest difference of a probability between bundle and estimator, and how many labels differ."""
    rows, graph = result.training_data.design_matrix(result.search.chosen.feature_set), Predictor(result.bundle).graph
    if result.dataset.task == "regress":
        return float(np.abs(graph.predict(rows)[:, 0] - result.estimator.predict(rows)).max()), 0
    expected = result.estimator.predict_proba(rows)
    from_graph = np.concatenate([graph.predict(row[np.newaxis]) for row in rows])
    return float(np.abs(from_graph - expected).max()), int(
        (predicted_class(from_graph) != predicted_class(expected)).sum()
    )


def streamed(result: TrainResult, n_clips: int = 100) -> int:
    """Return how many clips have other predictions, in any bit, as a stream of random blocks than as a file."""
    model, rng = Predictor(result.bundle), np.random.default_rng(0)
    n_different = 0
    for index in rng.choice(len(result.dataset.examples), min(n_clips, len(result.dataset.examples)), replace=False):
        example = result.dataset.examples[index]
        clip = read(example.file)
        blocks = np.split(clip.samples, np.unique(rng.integers(1, clip.samples.size, 7)))
        n_different += list(model.stream(blocks, rate_hz=clip.rate_hz)) != list(model.windows(example.file))
    return n_different


def deep(dataset: Dataset, name: str) -> dict[str, Any]:
    """Return the scores of pretrained embeddings alone and of the CNN alone, and their seconds."""
    found: dict[str, Any] = {}
    for family, least in zip(("embedding", "cnn"), DEEP[name], strict=True):
        if family == "embedding" and not available_presets():
            continue
        result = train(dataset, models=family, name=name)
        test = result.bundle.manifest.scores
        found |= {
            f"{family}_score": test.get("accuracy", test.get("r2")),
            f"{family}_least": least,
            f"{family}_chosen": result.search.chosen.name,
            f"{family}_fit_seconds": max(trial.fit_s for trial in result.search.trials),
            f"{family}_seconds": result.seconds,
        }
    return found


def measure(name: str, *, with_script: bool, with_deep: bool) -> dict[str, Any]:
    options, least = SETS[name]
    dataset = Dataset.load(RECORDINGS / name, **options)
    result = train(dataset, name=name)
    summary = result.as_json()
    article_score, seconds = article(dataset, result.plan.blocks)
    difference, labels = parity(result)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.auricle"
        result.bundle.save(path)
        size = path.stat().st_size
    return {
        "score": summary["test"].get("accuracy", summary["test"].get("r2")),
        "ci95": summary["test"]["ci95"],
        "least": least,
        "chosen": summary["chosen"],
        "candidates": {c["model"]: round(c["cv_score"], 4) for c in summary["candidates"]},
        "verdict": summary["verdict"],
        "seconds": summary["seconds"],
        "article_score": article_score,
        "article_seconds": seconds,
        "graph_difference": difference,
        "graph_label_differences": labels,
        "stream_differences": streamed(result),
        "bundle_mb": size / 1e6,
        **{name: summary["test"].get(name) for name in ("coverage", "coverage_worst_group", "worst_group", "set_size")},
        **(calibration(result) if result.dataset.task == "classify" else {}),
        **(deep(dataset, name) if with_deep and name in DEEP else {}),
        **(dict(zip(_TIMED, (script(dataset), *forest_alone(dataset)), strict=True)) if with_script else {}),
    }


def show(name: str, got: dict[str, Any]) -> None:
    low, high = got["ci95"]
    least = "" if got["least"] is None else f", must be at least {got['least']:.2f}"
    print(f"{name}: {got['score']:.3f} ({low:.3f} to {high:.3f}){least}; {got['chosen']}; {got['seconds']:.0f} s")
    print(f"  families: {got['candidates']}")
    print(f"  the article's forest: {got['article_score']:.3f} in {got['article_seconds']:.0f} s, one fit a fold")
    print(f"  graph against estimator: {got['graph_difference']:.1e}, {got['graph_label_differences']} labels differ")
    print(f"  stream against file: {got['stream_differences']} of 100 clips differ; bundle {got['bundle_mb']:.1f} MB")
    if got["coverage"] is not None:
        worst = (
            "" if got["worst_group"] is None else f", worst {got['coverage_worst_group']:.2f} ({got['worst_group']})"
        )
        print(f"  coverage of sets or intervals {got['coverage']:.3f}, must be near 0.90{worst}")
    if "ece" in got:
        print(f"  calibration error {got['ece']:.3f}, must be at most {got['ece_limit']:.3f}", end="; ")
        print(f"log loss {got['log_loss']:.3f}, {got['log_loss_uncalibrated']:.3f} before")
    if "script_seconds" in got:
        times = [got[name] for name in _TIMED]
        print("  the article's script {:.0f} s, our forest alone {:.0f} s, by grid {:.0f} s".format(*times))
    for family in ("embedding", "cnn"):
        if f"{family}_score" in got:
            score, least, chosen = (got[f"{family}_{key}"] for key in ("score", "least", "chosen"))
            fit_s = got[f"{family}_fit_seconds"]
            print(f"  {family} alone: {score:.3f}, must be at least {least:.3f}; {chosen}; a fit takes {fit_s:.0f} s")
    print(f"  {got['verdict']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="only the sets that take seconds: esc10, motor, cry")
    parser.add_argument("--script", action="store_true", help="time the article's script and our forest alone as well")
    parser.add_argument("--deep", action="store_true", help="pretrained embeddings alone and the CNN alone as well")
    parser.add_argument("--sets", default=",".join(SETS), help="sets, separated by commas")
    arguments = parser.parse_args()
    if not RECORDINGS.is_dir():
        raise SystemExit(f"{RECORDINGS}: this folder must hold the recordings. It does not exist.")
    names = ["esc10", "motor", "cry"] if arguments.short else arguments.sets.split(",")
    measured = {}
    for name in names:
        got = measured[name] = measure(name, with_script=arguments.script, with_deep=arguments.deep)
        if not arguments.json:
            show(name, got)
    if arguments.json:
        flat = {f"{name}_{key}": value for name, got in measured.items() for key, value in got.items()}
        print(json.dumps(flat, indent=1))


if __name__ == "__main__":
    main()
