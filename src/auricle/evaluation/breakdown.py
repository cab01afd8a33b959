"""Scores by class, by metadata column and by confidence, the confusion matrix, and the worst mistakes."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import predicted_class
from auricle.datasets.dataset import Dataset
from auricle.evaluation.intervals import interval_of_loss, interval_of_share
from auricle.evaluation.scores import N_BINS, confidence_bins
from auricle.inspection.findings import is_label_copy, label_texts, name_of

__all__ = [
    "ClassScore",
    "Mistake",
    "ReliabilityBin",
    "ScoredPredictions",
    "Subgroup",
    "by_class",
    "by_column",
    "confused",
    "confusion",
    "mistakes",
    "reliability",
    "summary",
]

MAX_VALUES = 24
"""Most values of a column that is scored value by value."""
MIN_COMPARED = 5
"""Fewest recordings of a value that may be marked as worse than the rest."""
N_MISTAKES = 12


@dataclass(frozen=True, eq=False)
class ScoredPredictions:
    """Labelled recordings with their predictions.

    Parameters
    ----------
    dataset : Dataset
        The n recordings.
    classes : tuple of str
        Classes of the columns of ``predictions``; empty for numbers.
    truth : int or float64, shape (n,)
        Index of the true class, or the true number.
    predictions : float64, shape (n, n_classes) or (n, 1)
        Calibrated probabilities, or numbers.
    """

    dataset: Dataset
    classes: tuple[str, ...]
    truth: NDArray[Any]
    predictions: NDArray[np.float64]

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """Index of the predicted class, shape (n,); for classes only."""
        return predicted_class(self.predictions)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the predicted class is the true one, shape (n,); for classes only."""
        return np.asarray(self.predicted == self.truth)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the predicted class, shape (n,); for classes only."""
        return np.asarray(self.predictions[np.arange(len(self.truth)), self.predicted])

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """Predicted minus true number, shape (n,); for numbers only."""
        return np.asarray(self.predictions[:, 0] - self.truth)


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Scores of one class; the interval is of the recall, over groups."""

    label: str
    n: int
    n_groups: int
    recall: float
    ci95: tuple[float, float]
    precision: float
    f1: float


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Score of the recordings with one value of a column.

    Parameters
    ----------
    value : str
    n, n_groups : int
        Numbers of recordings and of groups.
    score : float
        Accuracy, or mean absolute error.
    ci95 : tuple of float
        Its interval, over groups; over recordings where they are of one group.
    r2 : float or None
        For numbers, where the subgroup's targets differ.
    is_worse : bool
        Whether the interval lies wholly on the worse side of that of all other recordings.
    """

    value: str
    n: int
    n_groups: int
    score: float
    ci95: tuple[float, float]
    r2: float | None
    is_worse: bool


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Mean confidence and accuracy of the recordings with a confidence between two bounds."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong prediction of one recording: a class with its confidence, or a number with its error."""

    file: str
    truth: str
    answer: str
    confidence: float | None = None
    error: float | None = None


def by_class(scored: ScoredPredictions) -> tuple[ClassScore, ...]:
    """Score each class that occurs."""
    class_scores = []
    for index, label in enumerate(scored.classes):
        is_true, is_predicted = scored.truth == index, scored.predicted == index
        if not is_true.any():
            continue
        hits, groups = scored.correct[is_true], scored.dataset.groups[is_true]
        n_hits = int(hits.sum())
        class_scores.append(
            ClassScore(
                label,
                int(is_true.sum()),
                int(np.unique(groups).size),
                recall=float(hits.mean()),
                ci95=interval_of_share(hits, groups),
                precision=n_hits / int(is_predicted.sum()) if is_predicted.any() else 0.0,
                f1=2 * n_hits / int(is_true.sum() + is_predicted.sum()),
            )
        )
    return tuple(class_scores)


def by_column(scored: ScoredPredictions) -> dict[str, tuple[Subgroup, ...]]:
    """Score each value of each column with 2 to 24 of them that does not repeat the target; the worst value first."""
    examples, targets = scored.dataset.examples, label_texts(scored.dataset)
    subgroups = {}
    for column in scored.dataset.named_columns:
        values = np.array([example.metadata.get(column, "").strip() or "(empty)" for example in examples])
        names = np.unique(values)
        if 2 <= names.size <= MAX_VALUES and not is_label_copy(values.tolist(), targets):
            parts = [_subgroup(scored, str(name), values == name) for name in names]
            subgroups[column] = tuple(sorted(parts, key=lambda part: part.score, reverse=not scored.classes))
    return subgroups


def _subgroup(scored: ScoredPredictions, value: str, is_in: NDArray[np.bool_]) -> Subgroup:
    groups = scored.dataset.groups
    values = scored.correct.astype(np.float64) if scored.classes else np.abs(scored.errors)
    interval = interval_of_share if scored.classes else interval_of_loss
    ci95, others = (interval(values[part], _units(groups[part])) for part in (is_in, ~is_in))
    is_apart = ci95[1] < others[0] if scored.classes else ci95[0] > others[1]
    variance = 0.0 if scored.classes else float(np.var(scored.truth[is_in]))
    return Subgroup(
        value,
        int(is_in.sum()),
        int(np.unique(groups[is_in]).size),
        score=float(values[is_in].mean()),
        ci95=ci95,
        r2=1.0 - float((scored.errors[is_in] ** 2).mean()) / variance if variance else None,
        is_worse=bool(is_apart and is_in.sum() >= MIN_COMPARED),
    )


def _units(groups: NDArray[Any]) -> NDArray[Any]:
    """Return the independent units of a part, shape (n,): its groups, or the recordings where it is one group.

    What is said of one machine is said of that machine alone, and not of others.
    """
    return groups if np.unique(groups).size > 1 else np.arange(len(groups))


def confusion(scored: ScoredPredictions) -> NDArray[np.intp]:
    """Return the confusion matrix: int, shape (n_classes, n_classes), a row for each true class."""
    counts = np.zeros((len(scored.classes),) * 2, np.intp)
    np.add.at(counts, (scored.truth, scored.predicted), 1)
    return counts


def confused(scored: ScoredPredictions, *, most: int = 10) -> list[tuple[str, str, int]]:
    """Return the most frequent confusions, as true class, predicted class and count."""
    counts = confusion(scored)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(order, counts.shape), strict=True)
    return [(scored.classes[i], scored.classes[j], int(counts[i, j])) for i, j in pairs if counts[i, j]]


def reliability(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], groups: NDArray[Any]
) -> tuple[ReliabilityBin, ...]:
    """Compare confidence with accuracy in ten equal bins of confidence; empty bins are left out.

    Parameters
    ----------
    confidence : float64, shape (n,)
        Probability of the predicted class.
    correct : bool, shape (n,)
    groups : str or int, shape (n,)
        For the intervals.
    """
    bins = confidence_bins(confidence)
    return tuple(
        ReliabilityBin(
            b / N_BINS,
            (b + 1) / N_BINS,
            int((bins == b).sum()),
            confidence=float(confidence[bins == b].mean()),
            accuracy=float(correct[bins == b].mean()),
            ci95=interval_of_share(correct[bins == b], groups[bins == b]),
        )
        for b in np.unique(bins).tolist()
    )


def mistakes(scored: ScoredPredictions, *, most: int = N_MISTAKES) -> tuple[Mistake, ...]:
    """Return the worst mistakes: wrong classes of the highest confidence, or numbers with the largest error."""
    examples, targets = scored.dataset.examples, label_texts(scored.dataset)
    if scored.classes:
        order = np.argsort(np.where(scored.correct, np.inf, -scored.confidence), kind="stable")
        order = order[: min(most, int((~scored.correct).sum()))]
    else:
        order = np.argsort(-np.abs(scored.errors), kind="stable")[:most]
    found = []
    for index in order.tolist():
        name, truth = name_of(scored.dataset, examples[index]), targets[index]
        if scored.classes:
            predicted, confidence = scored.classes[scored.predicted[index]], float(scored.confidence[index])
            found.append(Mistake(name, truth, predicted, confidence=confidence))
        else:
            number = float(scored.predictions[index, 0])
            found.append(Mistake(name, truth, f"{number:.4g}", error=float(scored.errors[index])))
    return tuple(found)


def summary(scored: ScoredPredictions) -> dict[str, Any]:
    """Return the whole breakdown as JSON, as ``train --json`` and ``evaluate --json`` print it."""
    columns = {name: [_plain(part) for part in parts] for name, parts in by_column(scored).items()}
    found: dict[str, Any] = {"by_column": columns, "mistakes": [_plain(mistake) for mistake in mistakes(scored)]}
    if scored.classes:
        bins = reliability(scored.confidence, scored.correct, scored.dataset.groups)
        found |= {
            "by_class": [_plain(score) for score in by_class(scored)],
            "confusion": {"classes": list(scored.classes), "counts": confusion(scored).tolist()},
            "reliability": [_plain(each) for each in bins],
        }
    return found


def _plain(score: ClassScore | Subgroup | ReliabilityBin | Mistake) -> dict[str, Any]:
    """Return the fields that are set, as JSON has them: an interval without finite bounds is null."""
    fields = {name: value for name, value in asdict(score).items() if value is not None}
    if "ci95" in fields:
        fields["ci95"] = list(fields["ci95"]) if np.isfinite(fields["ci95"]).all() else None
    return fields
