"""Evaluation: what a finished model is worth on labelled sound, by the code that answers with it."""

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auricle.audio.decode import read
from auricle.bundles.aggregation import predicted_class
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure, Progress, partition_failures
from auricle.datasets.one_pass import content_hash
from auricle.errors import AuricleError, DataError
from auricle.evaluation.breakdown import ScoredPredictions, summary
from auricle.evaluation.scores import (
    Scores,
    baseline,
    classification,
    interval_of_accuracy,
    interval_of_r2,
    regression,
)
from auricle.inspection.findings import listed
from auricle.prediction.predictor import Predictor, load
from auricle.records import Prediction
from auricle.runtime.compute import parallel_map

if TYPE_CHECKING:
    from auricle.reports.html import Page

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's answers to labelled recordings, and what they are worth.

    Parameters
    ----------
    model : what answered
    dataset : the recordings that were answered
    predictions : one a recording, in the same order
    was_heard : whether each recording was in the training set, shape (n,)
    was_kin : whether its group was, where recordings are grouped by a column, shape (n,)
    failures : recordings that could not be answered
    seconds : what it took
    """

    model: Predictor
    dataset: Dataset
    predictions: tuple[Prediction, ...]
    in_training: NDArray[np.bool_]
    in_training_group: NDArray[np.bool_]
    failures: tuple[Failure, ...]
    seconds: float

    @cached_property
    def is_known(self) -> NDArray[np.bool_]:
        """Whether the model knows each recording's class, shape (n,); numbers it all knows."""
        if self.dataset.task == "regress":
            return np.ones(len(self.dataset), bool)
        return np.isin(self.dataset.labels, self.model.classes)

    @cached_property
    def answered(self) -> ScoredPredictions:
        """The recordings that can be scored: those whose class the model knows."""
        return self._answered(self.is_known)

    @cached_property
    def scores(self) -> Scores:
        """The scores over all of those."""
        return _scores(self.answered)

    @cached_property
    def scores_unseen(self) -> Scores | None:
        """The scores over those that were not in the training set; None where all or none were."""
        chosen = self.is_known & ~self.in_training
        return _scores(self._answered(chosen)) if 0 < chosen.sum() < self.is_known.sum() else None

    @property
    def verdict(self) -> str:
        """What the model is worth here, in one sentence or two; first of all, whether it knew the recordings."""
        answered, n = self.answered, len(self.predictions)
        heard = int(self.in_training.sum())
        warning = ""
        if heard == n:
            warning = f"All {n} recordings were in the training set: this score is memory, and says nothing. "
        elif heard:
            warning = f"{heard} of {n} recordings were in the training set, and are known to the model. "
        shown = self.scores_unseen or self.scores
        which = "recordings that it had not heard" if heard < n else "recordings"
        name, ends = ("balanced_accuracy", "balanced_accuracy_ci95") if answered.classes else ("r2", "ci95")
        if not np.isfinite(shown[name]):
            return f"{warning}All numbers are {answered.truth[0]:g}: the mean absolute error is {shown['mae']:.4g}."
        low, high = shown[ends]
        what = "balanced accuracy" if answered.classes else "R²"
        better = "Better than guessing" if low > self.guess else "No better than guessing"
        against = f"a guess gets {self.guess:.2f}" if answered.classes else "always answering the mean gets 0"
        return (
            f"{warning}{better}: {what} {shown[name]:.2f} (95% interval {low:.2f} to {high:.2f}) on "
            f"{shown['n_recordings']} {which}; {against}."
        )

    @property
    def guess(self) -> float:
        """The balanced accuracy of answering at random, whatever classes are there; for numbers 0, the mean's R²."""
        return 1.0 / len(self.model.classes) if self.model.classes else 0.0

    @property
    def coverage(self) -> dict[str, float] | None:
        """How often the sets or intervals that came with the answers held the truth, and how large they are."""
        known = [self.predictions[place] for place in np.flatnonzero(self.is_known)]
        if not known or (known[0].labels is None and known[0].interval is None):
            return None
        truth: Any = self.dataset.labels[self.is_known] if self.answered.classes else self.dataset.targets
        ends = [prediction.interval or (np.nan, np.nan) for prediction in known]
        held = (
            [label in (one.labels or ()) for one, label in zip(known, truth, strict=True)]
            if self.answered.classes
            else [low <= number <= high for (low, high), number in zip(ends, truth, strict=True)]
        )
        sizes = (
            [len(one.labels or ()) for one in known] if self.answered.classes else [high - low for low, high in ends]
        )
        return {"coverage": float(np.mean(held)), "mean_size": float(np.mean(sizes))}

    def unknown_rate(self, chosen: NDArray[np.bool_]) -> float | None:
        """Return the share of some recordings, given as a mask, that was answered ``unknown``; None of none."""
        flags = [self.predictions[place].unknown for place in np.flatnonzero(chosen)]
        return float(np.mean(flags)) if flags else None

    @property
    def report(self) -> "Page":
        """The report: ``evaluation.report.save("report.html")``."""
        from auricle.evaluation.report import build_report

        return build_report(self)

    def as_json(self) -> dict[str, Any]:
        """Return everything as ``auricle evaluate --json`` prints it."""
        strangers = sorted(set(self.dataset.labels[~self.is_known].tolist()))
        return {
            "model": self.model.name,
            "task": self.dataset.task,
            "n_recordings": len(self.predictions),
            "n_in_training": int(self.in_training.sum()),
            "n_of_training_groups": int(self.in_training_group.sum()),
            "groups": int(np.unique(self.dataset.groups).size),
            "scores": _plain(self.scores),
            "scores_not_in_training": _plain(self.scores_unseen),
            "verdict": self.verdict,
            "coverage": self.coverage,
            "unknown_rate": self.unknown_rate(self.is_known),
            "unknown_classes": {
                "classes": strangers,
                "n_recordings": int((~self.is_known).sum()),
                "unknown_rate": self.unknown_rate(~self.is_known),
            },
            **summary(self.answered),
            "failed": [{"file": str(failure.file), "error": failure.error.as_json()} for failure in self.failures],
            "seconds": round(self.seconds, 3),
        }

    def _answered(self, chosen: NDArray[np.bool_]) -> ScoredPredictions:
        places = np.flatnonzero(chosen)
        dataset, classes = self.dataset.subset(places), self.model.classes
        predictions = [self.predictions[place] for place in places]
        if not classes:
            return ScoredPredictions(
                dataset, (), dataset.targets, np.array([[one.value] for one in predictions], np.float64)
            )
        answers = np.array([[(one.probabilities or {})[name] for name in classes] for one in predictions])
        index = {name: place for place, name in enumerate(classes)}
        return ScoredPredictions(
            dataset, classes, np.array([index[label] for label in dataset.labels.tolist()]), answers
        )


def evaluate(
    model: Predictor | str | Path,
    data: Dataset | str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a model on labelled sound, recording by recording.

    Recordings of classes that the model does not know are not scored: what is asked of them is how many are answered
    ``unknown``.

    Parameters
    ----------
    model : a loaded model, or the path of a bundle
    data : a data set, or what :meth:`Dataset.load` reads
    workers : threads; None for every core
    progress : told of every recording

    Raises
    ------
    DataError : labels where the model answers with a number, or the other way round; not one class that it knows; no
        recording that can be answered
    BundleError : no bundle, or a damaged one
    """
    started = time.perf_counter()
    model = model if isinstance(model, Predictor) else load(model)
    dataset = data if isinstance(data, Dataset) else Dataset.load(data, task=model.bundle.manifest.task)
    _check(model, dataset)
    profile = model.bundle.profile
    hashes = {row.tobytes() for row in profile.hashes}
    groups = set(profile.groups.tolist()) if dataset.group_column is not None else set()

    def one(example: Example) -> tuple[Prediction, bool] | Failure:
        try:
            return _answer(model, example), content_hash(example.file).tobytes() in hashes
        except AuricleError as error:
            return Failure(example.file, error)

    n = len(dataset)

    def told(done: int, _: object) -> None:
        if progress:
            progress("answers", done, n)

    kept, found, failures = partition_failures(parallel_map(one, dataset.examples, workers=workers), told)
    if not found:
        raise DataError(f"{dataset.source}: at least one recording must be answered. None is; {failures[0].error}")
    dataset = dataset.subset(kept) if failures else dataset
    return Evaluation(
        model,
        dataset,
        tuple(prediction for prediction, _ in found),
        in_training=np.array([heard for _, heard in found]),
        in_training_group=np.array([group in groups for group in dataset.groups.tolist()]),
        failures=failures,
        seconds=time.perf_counter() - started,
    )


def _check(model: Predictor, dataset: Dataset) -> None:
    """Refuse what no score can be taken of."""
    task = model.bundle.manifest.task
    if dataset.task != task:
        answers, asked = ("a class", "target") if task == "classify" else ("a number", "label")
        raise DataError(
            f"{dataset.source}: the data must be labelled with what the model answers. {model.name} answers {answers}; "
            f"the data has a {asked}. Name its column with `{'label' if task == 'classify' else 'target'}`."
        )
    if task == "classify" and not set(dataset.classes) & set(model.classes):
        known, there = (listed([repr(name) for name in names], most=6) for names in (model.classes, dataset.classes))
        raise DataError(
            f"{dataset.source}: at least one class must be one that the model knows. It knows {known}; the data has "
            f"{there}. Write them alike, or name another column with `label`."
        )


def _answer(model: Predictor, example: Example) -> Prediction:
    if example.start_s == 0 and example.end_s is None:
        return model.predict(example.file)  # in constant memory, however long it is
    return model.predict(read(example.file, start_s=example.start_s, end_s=example.end_s))


def _scores(answered: ScoredPredictions) -> Scores:
    truth, groups = answered.truth, answered.dataset.groups
    if answered.classes:
        found = classification(truth, answered.answers, predicted_class(answered.answers))
        found["ci95"] = list(interval_of_accuracy(answered.right, truth, groups))
        ends = interval_of_accuracy(answered.right, truth, groups, balanced=True)
        found |= {"balanced_accuracy_ci95": list(ends), "baseline": baseline(truth)}
    else:
        found = regression(truth, answered.answers[:, 0])
        found |= {"ci95": list(interval_of_r2(truth, answered.answers[:, 0], groups)), "baseline": 0.0}
    return found | {"n_recordings": len(truth)}


def _plain(found: Scores | None) -> Scores | None:
    """Return scores as JSON has them: what cannot be had of so few recordings is null."""
    if found is None:
        return None
    return {name: value if np.isfinite(value).all() else None for name, value in found.items()}
