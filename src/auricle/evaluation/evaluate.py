"""Evaluation of a bundle on a labelled data set: predict every recording, score the predictions, give a verdict."""

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure, Progress, partition_failures
from auricle.datasets.one_pass import content_hash
from auricle.errors import AuricleError, DataError
from auricle.evaluation.breakdown import ScoredPredictions, summary
from auricle.evaluation.intervals import METHOD
from auricle.evaluation.scores import (
    Scores,
    Verdict,
    classification,
    classification_intervals,
    regression,
    regression_intervals,
    scores_as_json,
    verdict,
)
from auricle.inspection.findings import listed
from auricle.prediction.predictor import Predictor, load
from auricle.records import Prediction
from auricle.runtime.compute import parallel_map
from auricle.tasks.table import TASKS

if TYPE_CHECKING:
    from auricle.reports.html import Page

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's predictions on labelled recordings, and their scores.

    Parameters
    ----------
    model : Predictor
    dataset : Dataset
        The n recordings that were predicted.
    predictions : tuple of Prediction, length n
        In the order of the recordings.
    in_training : bool, shape (n,)
        Whether the recording was in the training set.
    in_training_group : bool, shape (n,)
        Whether its group was, where recordings are grouped by a column.
    failures : tuple of Failure
        Recordings that could not be predicted.
    seconds : float
        Time that the evaluation took.
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
        """Whether the model knows each recording's class, shape (n,); always true for numbers."""
        if not self.model.classes:
            return np.ones(len(self.dataset), bool)
        return np.isin(self.dataset.labels, self.model.classes)

    @cached_property
    def scored(self) -> ScoredPredictions:
        """The recordings that can be scored: those of a class that the model knows."""
        return self._scored(self.is_known)

    @cached_property
    def scores(self) -> Scores:
        """The scores over the recordings that can be scored."""
        return _scores(self.scored)

    @cached_property
    def scores_unseen(self) -> Scores | None:
        """The scores over those not in the training set; None where all or none were in it."""
        is_unseen = self.is_known & ~self.in_training
        return _scores(self._scored(is_unseen)) if 0 < is_unseen.sum() < self.is_known.sum() else None

    @cached_property
    def compared(self) -> Verdict:
        """Whether the model beats guessing here, on recordings not seen in training where there are any."""
        scores = self.scores_unseen or self.scores
        unseen = " not seen in training" if self.is_score_unseen else ""
        return verdict(
            scores,
            task=self.dataset.task,
            recordings=f"{scores['n_recordings']} recordings{unseen}",
            chance_level=self.chance_level,
        )

    @property
    def is_score_unseen(self) -> bool:
        """Whether the verdict's score is of recordings not seen in training."""
        return self.scores_unseen is not None or not self.in_training[self.is_known].any()

    @property
    def verdict(self) -> str:
        """The verdict in one sentence, after a warning where recordings were in the training set."""
        n, n_in_training = len(self.predictions), int(self.in_training.sum())
        warning = ""
        if n_in_training == n:
            warning = f"All {n} recordings were in the training set: the score does not hold for new recordings. "
        elif n_in_training:
            left_out = " and are left out of this score" if self.is_score_unseen else ""
            warning = f"{n_in_training} of {n} recordings were in the training set{left_out}. "
        return f"{warning}{self.compared.sentence}"

    @property
    def chance_level(self) -> float:
        """Balanced accuracy of a random guess among the model's classes; 0 for numbers, the R² of the mean."""
        return 1.0 / len(self.model.classes) if self.model.classes else 0.0

    @property
    def coverage(self) -> dict[str, float] | None:
        """How often prediction sets or intervals hold the true class or number, and their mean size."""
        known = [self.predictions[index] for index in np.flatnonzero(self.is_known)]
        if not known or (known[0].labels is None and known[0].interval is None):
            return None
        if self.model.classes:
            truth = self.dataset.labels[self.is_known].tolist()
            sets = [prediction.labels or () for prediction in known]
            covered = np.array([label in labels for label, labels in zip(truth, sets, strict=True)])
            sizes = np.array([len(labels) for labels in sets])
        else:
            intervals = np.array([prediction.interval or (np.nan, np.nan) for prediction in known])
            targets = self.dataset.targets
            covered = (intervals[:, 0] <= targets) & (targets <= intervals[:, 1])
            sizes = intervals[:, 1] - intervals[:, 0]
        return {"coverage": float(np.mean(covered)), "mean_size": float(np.mean(sizes))}

    def unknown_rate(self, mask: NDArray[np.bool_]) -> float | None:
        """Return the share of some recordings, given as a mask, predicted ``unknown``; None for an empty mask."""
        flags = [self.predictions[index].unknown for index in np.flatnonzero(mask)]
        return float(np.mean(flags)) if flags else None

    @property
    def report(self) -> "Page":
        """The report: ``evaluation.report.save("report.html")``."""
        from auricle.evaluation.report import build_report  # late: a convenience, for the page reads evaluations

        return build_report(self)

    def as_json(self) -> dict[str, Any]:
        """Return everything as ``auricle evaluate --json`` prints it."""
        unknown_classes = sorted(set(self.dataset.labels[~self.is_known].tolist()))
        return {
            "model": self.model.name,
            "task": self.dataset.task,
            "n_recordings": len(self.predictions),
            "omitted": [one.as_json() for one in self.dataset.omitted],
            "n_in_training": int(self.in_training.sum()),
            "n_of_training_groups": int(self.in_training_group.sum()),
            "groups": int(np.unique(self.dataset.groups).size),
            "scores": scores_as_json(self.scores),
            "scores_not_in_training": None if self.scores_unseen is None else scores_as_json(self.scores_unseen),
            "interval_method": METHOD,
            "verdict": self.verdict,
            "verdict_kind": self.compared.kind,
            "coverage": self.coverage,
            "unknown_rate": self.unknown_rate(self.is_known),
            "unknown_classes": {
                "classes": unknown_classes,
                "n_recordings": int((~self.is_known).sum()),
                "unknown_rate": self.unknown_rate(~self.is_known),
            },
            **summary(self.scored),
            "failed": [{"file": str(failure.file), "error": failure.error.as_json()} for failure in self.failures],
            "seconds": round(self.seconds, 3),
        }

    def _scored(self, mask: NDArray[np.bool_]) -> ScoredPredictions:
        indices = np.flatnonzero(mask)
        dataset, classes = self.dataset.subset(indices), self.model.classes
        predictions = [self.predictions[index] for index in indices]
        if not classes:
            values = np.array([[prediction.value] for prediction in predictions], np.float64)
            return ScoredPredictions(dataset, (), dataset.targets, values)
        probabilities = np.array([[(each.probabilities or {})[name] for name in classes] for each in predictions])
        index_of = {name: index for index, name in enumerate(classes)}
        truth = np.array([index_of[label] for label in dataset.labels.tolist()])
        return ScoredPredictions(dataset, classes, truth, probabilities)


def evaluate(
    model: Predictor | str | Path,
    data: Dataset | str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a model on labelled recordings.

    Recordings of classes that the model does not know are not scored; `Evaluation.as_json` reports the share of them
    that is predicted ``unknown``.

    Parameters
    ----------
    model : Predictor, str or Path
        A loaded model, or the path of a bundle.
    data : Dataset, str or Path
        A data set, or a path that :meth:`Dataset.load` reads.
    workers : int or None
        Threads; None for every core.
    progress : callable or None
        Called after each recording with the stage, the number done and the total.

    Raises
    ------
    DataError : labels where the model predicts a number, or the reverse; no class that the model knows; no recording
        that can be predicted
    BundleError : no bundle, or a damaged one

    Examples
    --------
    >>> import tempfile
    >>> from auricle.datasets.synthesis import machines
    >>> from auricle.training.train import train
    >>> sounds = Dataset.load(machines(Path(tempfile.mkdtemp()), n=12, duration_s=0.5), label="label", group="machine")
    >>> evaluation = evaluate(Predictor(train(sounds, models="linear").bundle), sounds)
    >>> len(evaluation.predictions), bool(evaluation.in_training.all())
    (12, True)
    """
    started = time.perf_counter()
    model = model if isinstance(model, Predictor) else load(model)
    dataset = data if isinstance(data, Dataset) else Dataset.load(data, task=model.bundle.manifest.task)
    _check(model, dataset)
    profile = model.bundle.profile
    hashes = {row.tobytes() for row in profile.hashes}
    groups = set(profile.groups.tolist()) if dataset.group_column is not None else set()

    def predict(example: Example) -> tuple[Prediction, bool] | Failure:
        try:
            prediction = model.predict(
                example.file, start_s=example.start_s, end_s=example.end_s, channel=example.named_channel
            )
            return prediction, content_hash(example.file).tobytes() in hashes
        except AuricleError as error:
            return Failure.of(example, error)

    n = len(dataset)

    def report(done: int, _: object) -> None:
        if progress:
            progress("predictions", done, n)

    kept, found, failures = partition_failures(parallel_map(predict, dataset.examples, workers=workers), report)
    if not found:
        raise DataError(
            f"{dataset.source}: the model must predict at least one recording. It predicts none; {failures[0].error}"
        )
    dataset = dataset.subset(kept) if failures else dataset
    return Evaluation(
        model,
        dataset,
        tuple(prediction for prediction, _ in found),
        in_training=np.array([was_seen for _, was_seen in found]),
        in_training_group=np.array([group in groups for group in dataset.groups.tolist()]),
        failures=failures,
        seconds=time.perf_counter() - started,
    )


def _check(model: Predictor, dataset: Dataset) -> None:
    """Refuse data that cannot be scored."""
    facts, given = TASKS[model.bundle.manifest.task], TASKS[dataset.task]
    if dataset.task != model.bundle.manifest.task:
        raise DataError(
            f"{dataset.source}: the data must have the kind of label that the model predicts. {model.name} predicts a "
            f"{facts.target}; the data has a {given.column}. Name its column with `{facts.column}`."
        )
    if model.classes and not set(dataset.classes) & set(model.classes):
        known, given_classes = (
            listed([repr(name) for name in names], most=6) for names in (model.classes, dataset.classes)
        )
        raise DataError(
            f"{dataset.source}: the model must know at least one class of the data. It knows {known}; the data has "
            f"{given_classes}. Write them alike, or name another column with `label`."
        )


def _scores(scored: ScoredPredictions) -> Scores:
    truth, groups = scored.truth, scored.dataset.groups
    if scored.classes:
        scores = classification(truth, scored.predictions, scored.predicted)
        scores |= classification_intervals(truth, scored.predicted, groups)
    else:
        values = scored.predictions[:, 0]
        scores = regression(truth, values) | regression_intervals(truth, values, groups)
    return scores | {"n_recordings": len(truth)}
