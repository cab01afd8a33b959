"""From a data set to a bundle: features, search, fit, conversion, proof."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.answers import choose
from auricle.bundles.bundle import Bundle, Calibration, Golden, Interval, Manifest, Target
from auricle.bundles.graph import Graph
from auricle.bundles.profile import MAX_PROFILED, Profile, quality_row
from auricle.datasets.dataset import Dataset
from auricle.datasets.examples import Examples, Failure, Progress, extract, windows_of
from auricle.datasets.survey import survey
from auricle.errors import UsageError
from auricle.features.cache import FeatureCache
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec, standard_spec
from auricle.inspection.leaks import Leaks, find_leaks
from auricle.inspection.listening import hear
from auricle.models.family import Estimator
from auricle.models.intervals import COVERAGE, half_width
from auricle.models.table import family_names
from auricle.training import scores
from auricle.training.candidates import candidates, fit
from auricle.training.choices import choose_spec, plan
from auricle.training.convert import convert, verify
from auricle.training.crossfit import Plan
from auricle.training.novelty import fit_novelty
from auricle.training.search import Found, search
from auricle.training.table import Scale, Table

__all__ = ["TUNINGS", "TrainResult", "train"]

TUNINGS = ("none", "grid")
N_GOLDEN = 3
_LIBRARIES = (
    "auricle",
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "soundfile",
    "soxr",
    "onnxruntime",
    "onnx",
    "skl2onnx",
)


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """What a training gave.

    Parameters
    ----------
    bundle : the model, ready to save
    estimator : the fitted scikit-learn estimator that the bundle's graph was made from
    found : the search: every candidate, the held-out answers
    protocol : where its scores were taken
    leaks : what would make them untrue
    failures : recordings that were left out
    seconds : what it took
    """

    bundle: Bundle
    dataset: Dataset
    examples: Examples
    estimator: Estimator
    found: Found
    protocol: Plan
    leaks: Leaks
    failures: tuple[Failure, ...]
    seconds: float

    def as_json(self, *, path: str | Path | None = None) -> dict[str, Any]:
        """Return the summary that ``auricle train --json`` prints."""
        manifest, found = self.bundle.manifest, self.found
        headline = "accuracy" if manifest.task == "classify" else "r2"
        trials = [
            {"model": t.candidate.name, "cv_score": t.score, "cv_sd": t.deviation, "fit_s": t.fit_s}
            for t in found.trials
        ]
        chosen = next(t for t in found.trials if t.candidate is found.chosen)
        return {
            "task": manifest.task,
            "n_recordings": len(self.dataset.examples),
            "n_windows": len(self.examples.rows),
            "classes": list(manifest.classes),
            "groups": len(set(self.dataset.groups)),
            "candidates": trials,
            "chosen": chosen.candidate.name,
            "settings": dict(chosen.candidate.settings),
            # Where every fold is tested in its turn, the score that nothing was selected on.
            "cv_score": manifest.scores[headline] if self.protocol.is_nested else chosen.score,
            "test": manifest.scores,
            "protocol": manifest.protocol,
            "verdict": manifest.verdict,
            "leaks": [finding.as_json() for finding in self.leaks.findings],
            "window_s": manifest.spec.window_s,
            "failed": [{"file": str(failure.file), "error": failure.error.as_json()} for failure in self.failures],
            "seconds": self.seconds,
            "bundle": None if path is None else str(path),
        }


def train(
    data: Dataset | str | Path,
    *,
    models: str | Iterable[str] = "auto",
    tune: Literal["none", "grid"] = "none",
    window_s: float | Literal["auto"] = "auto",
    spec: FeatureSpec | None = None,
    name: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    skip_bad: bool = False,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Train on labelled recordings: compute features, choose a model, score it honestly, make a bundle.

    Parameters
    ----------
    data : a data set, or what :meth:`Dataset.load` reads
    models : families to try, keys of ``MODELS``, or ``"blend"``; ``"auto"`` is a cheap few, and a blend of them
    tune : ``"none"`` tries each family with its defaults; ``"grid"`` every combination of its grid
    window_s : length of a window; ``"auto"`` makes a clip of up to 10 s one window
    spec : features, in place of those chosen for the data; its ``window_s`` must be given
    name : what the model is called; the data's name if not given
    seed : of the models and the folds
    workers : threads; None for every core
    skip_bad : leave out recordings that cannot be used, instead of raising
    cache : where features are kept from one training to the next; None computes them anew
    progress : told of every recording and every fit

    Raises
    ------
    DataError : recordings, labels or groups that cannot be used
    UsageError : an unknown family or tuning, or a setting out of its range
    ConversionError : a model whose graph would answer otherwise
    """
    started = time.perf_counter()
    if tune not in TUNINGS:
        raise UsageError(f"`tune` must be among {', '.join(TUNINGS)}. Got {tune!r}.")
    families, blend = family_names(models)
    dataset = data if isinstance(data, Dataset) else Dataset.load(data)
    protocol = plan(dataset, tune=tune, seed=seed)  # what cannot be split is said before anything is computed
    spec = spec or choose_spec(survey(dataset, workers=workers), window_s=window_s)
    dataset, examples, failures = extract(
        dataset, spec, workers=workers, skip_bad=skip_bad, cache=cache, progress=progress
    )
    if failures:
        protocol = plan(dataset, tune=tune, seed=seed)
    kept, recordings, _ = hear(dataset, workers=workers, cache=cache, progress=progress)
    leaks = find_leaks(dataset.subset(kept), recordings, blocks=protocol.blocks[kept])
    table = Table.of(dataset, examples)
    tried = candidates(families, dataset.task, seed=seed, tune=tune)
    found = search(table, tried, protocol, blend=blend, workers=workers, progress=progress)
    scale = table.scale(np.ones(len(dataset.examples), bool))
    estimator = fit(found.chosen, table.rows, scale.standardised(table.truth)[table.owner], table.owner)
    graph = convert(estimator, table.rows.shape[1])
    verify(graph, estimator, table.rows)
    manifest = _manifest(dataset, table, found, scale, spec, name or _name_of(Path(dataset.source)), protocol.protocol)
    novelty = fit_novelty(
        table,
        protocol.blocks,
        window_doubt=_doubt(found.windows_out_of_fold) if table.classes else None,
        recording_doubt=_doubt(found.out_of_fold) if table.classes else None,
        seed=seed,
    )
    bundle = Bundle(manifest, graph, _profile(dataset, examples, found), novelty, _golden(dataset, spec, graph))
    return TrainResult(
        bundle, dataset, examples, estimator, found, protocol, leaks, failures, time.perf_counter() - started
    )


def _name_of(source: Path) -> str:
    """Return what to call a model: its table, or the folder of a table that is only called metadata."""
    return source.resolve().parent.name if source.stem == "metadata" else source.stem


def _manifest(
    dataset: Dataset, table: Table, found: Found, scale: Scale, spec: FeatureSpec, name: str, protocol: str
) -> Manifest:
    scored, verdict = _scores(dataset, table, found)
    return Manifest(
        name=name,
        task=dataset.task,
        classes=table.classes,
        target=Target(mean=scale.mean, deviation=scale.deviation) if scale.is_used else None,
        spec=spec,
        interval=_interval(table, found),
        calibration=Calibration(window=found.window_temperature, recording=found.recording_temperature),
        family=found.chosen.family,
        settings=dict(found.chosen.settings),
        scores=scored,
        verdict=verdict,
        protocol=protocol,
        standard_columns=standard_spec(spec.rate_hz).columns,
        versions={library: version(library) for library in _LIBRARIES},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _scores(dataset: Dataset, table: Table, found: Found) -> tuple[scores.Scores, str]:
    """Score the held-out answers; return the scores with their intervals, and the verdict."""
    truth, groups = table.truth[found.tested], dataset.groups[found.tested]
    if table.classes:
        chosen = choose(found.answers)
        right = chosen == truth
        low, high = scores.interval_of_accuracy(right, truth, groups)
        balanced = scores.interval_of_accuracy(right, truth, groups, balanced=True)
        tested = scores.classification(truth, found.answers, chosen)
        tested |= {"ci95": [low, high], "balanced_accuracy_ci95": list(balanced), "baseline": scores.baseline(truth)}
        guess = scores.baseline(truth, balanced=True)
    else:
        values = found.answers[:, 0]
        tested = scores.regression(truth, values)
        tested |= {"ci95": list(scores.interval_of_r2(truth, values, groups)), "baseline": 0.0}
        guess = 0.0
    tested["n_recordings"] = len(truth)
    sentence = scores.verdict(
        tested, task=dataset.task, n_recordings=len(truth), n_groups=len(set(groups)), guess=guess
    )
    return tested, sentence


def _doubt(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 - probabilities.max(axis=1))


def _interval(table: Table, found: Found) -> Interval | None:
    if table.classes:
        return None
    width = half_width(found.out_of_fold[:, 0] - table.truth)
    return None if width is None else Interval(coverage=COVERAGE, half_width=width)


def _profile(dataset: Dataset, examples: Examples, found: Found) -> Profile:
    n = len(dataset.examples)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MAX_PROFILED)).round().astype(np.int64))
    return Profile(
        hashes=examples.hashes,
        groups=dataset.groups.astype(np.str_),
        truth=dataset.targets if dataset.task == "regress" else dataset.labels.astype(np.str_),
        chosen=chosen,
        rows=examples.standard[chosen],
        quality=np.stack([quality_row(examples.quality[index]) for index in chosen]),
        answers=found.out_of_fold[chosen].astype(np.float32),
    )


def _golden(dataset: Dataset, spec: FeatureSpec, graph: bytes) -> Golden:
    """Take the first window of a few recordings, evenly spread over the set."""
    n = len(dataset.examples)
    extractor = Extractor(spec)
    picked = np.unique(np.linspace(0, n - 1, min(n, N_GOLDEN)).round().astype(int))
    windows: list[NDArray[np.float32]] = [windows_of(dataset.examples[i], extractor)[0].samples for i in picked]
    rows = np.stack([extractor.row(window) for window in windows])
    return Golden(tuple(windows), rows, Graph(graph).answers(rows))
