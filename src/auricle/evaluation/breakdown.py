"""Breakdown: where a model is right and where it is wrong, by class, by column, by confidence, and file by file."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.aggregation import predicted_class
from auricle.datasets.dataset import Dataset
from auricle.evaluation.scores import N_BINS, confidence_bins, interval_of_mean, interval_of_share
from auricle.inspection.findings import answers_of, name_of, repeats

__all__ = [
    "Bin",
    "ClassScore",
    "Mistake",
    "Part",
    "ScoredPredictions",
    "by_class",
    "by_column",
    "confused",
    "confusion",
    "mistakes",
    "reliability",
    "summary",
]

MAX_VALUES = 24
"""Different values of a column up to which each is scored."""
MIN_COMPARED = 5
"""Recordings of a value from which it may be called worse than the rest."""
N_MISTAKES = 12


@dataclass(frozen=True, eq=False)
class ScoredPredictions:
    """Recordings with known truth, and what was answered to them by models that had not heard them.

    Parameters
    ----------
    dataset : the recordings (n)
    classes : what the answers' columns stand for; empty for numbers
    truth : index of each recording's class, or its number, shape (n,)
    answers : calibrated probabilities, shape (n, n_classes), or numbers, shape (n, 1)
    """

    dataset: Dataset
    classes: tuple[str, ...]
    truth: NDArray[Any]
    answers: NDArray[np.float64]

    @cached_property
    def chosen(self) -> NDArray[np.intp]:
        """Index of the class answered, shape (n,); for classes only."""
        return predicted_class(self.answers)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Whether the class answered is the true one, shape (n,); for classes only."""
        return np.asarray(self.chosen == self.truth)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the class answered, shape (n,); for classes only."""
        return np.asarray(self.answers[np.arange(len(self.truth)), self.chosen])

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """The number answered less the true one, shape (n,); for numbers only."""
        return np.asarray(self.answers[:, 0] - self.truth)


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How one class fared; the interval is of the recall, over groups."""

    label: str
    n: int
    n_groups: int
    recall: float
    ci95: tuple[float, float]
    precision: float
    f1: float


@dataclass(frozen=True, slots=True)
class Part:
    """How the recordings with one value of a column fared.

    Parameters
    ----------
    value : of the column
    n, n_groups : recordings and groups
    score : accuracy, or mean absolute error
    ci95 : its interval, over groups; over recordings where they are of one group
    r2 : for numbers, where the part's targets differ
    is_worse : whether the interval lies apart from that of all other recordings, on the worse side
    """

    value: str
    n: int
    n_groups: int
    score: float
    ci95: tuple[float, float]
    r2: float | None
    is_worse: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Recordings answered with a confidence between two bounds: how sure the model was, and how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One recording that was answered wrongly: a class and how sure of it, or a number and how far off."""

    file: str
    truth: str
    answer: str
    confidence: float | None = None
    error: float | None = None


def by_class(answered: ScoredPredictions) -> tuple[ClassScore, ...]:
    """Score each class that occurs."""
    scored = []
    for index, label in enumerate(answered.classes):
        of_class, said = answered.truth == index, answered.chosen == index
        if not of_class.any():
            continue
        hits, groups = answered.right[of_class], answered.dataset.groups[of_class]
        found = int(hits.sum())
        scored.append(
            ClassScore(
                label,
                int(of_class.sum()),
                int(np.unique(groups).size),
                recall=float(hits.mean()),
                ci95=interval_of_share(hits, groups),
                precision=found / int(said.sum()) if said.any() else 0.0,
                f1=2 * found / int(of_class.sum() + said.sum()),
            )
        )
    return tuple(scored)


def by_column(answered: ScoredPredictions) -> dict[str, tuple[Part, ...]]:
    """Score each value of each column that has from 2 to 24 of them and is not the answer itself; the worst first."""
    examples, texts = answered.dataset.examples, answers_of(answered.dataset)
    found = {}
    for column in examples[0].metadata:
        values = np.array([example.metadata.get(column, "").strip() or "(empty)" for example in examples])
        names = np.unique(values)
        if 2 <= names.size <= MAX_VALUES and not repeats(values.tolist(), texts):
            parts = [_part(answered, str(name), values == name) for name in names]
            found[column] = tuple(sorted(parts, key=lambda part: part.score, reverse=not answered.classes))
    return found


def _part(answered: ScoredPredictions, value: str, chosen: NDArray[np.bool_]) -> Part:
    groups = answered.dataset.groups
    values = answered.right.astype(np.float64) if answered.classes else np.abs(answered.errors)
    ends = interval_of_share if answered.classes else interval_of_mean
    mine, others = ends(values[chosen], groups[chosen]), ends(values[~chosen], groups[~chosen])
    is_apart = mine[1] < others[0] if answered.classes else mine[0] > others[1]
    spread = 0.0 if answered.classes else float(np.var(answered.truth[chosen]))
    return Part(
        value,
        int(chosen.sum()),
        int(np.unique(groups[chosen]).size),
        score=float(values[chosen].mean()),
        ci95=mine,
        r2=1.0 - float((answered.errors[chosen] ** 2).mean()) / spread if spread else None,
        is_worse=bool(is_apart and chosen.sum() >= MIN_COMPARED),
    )


def confusion(answered: ScoredPredictions) -> NDArray[np.intp]:
    """Count what was answered to each class: int, shape (n_classes, n_classes), a row for each true class."""
    counts = np.zeros((len(answered.classes),) * 2, np.intp)
    np.add.at(counts, (answered.truth, answered.chosen), 1)
    return counts


def confused(answered: ScoredPredictions, *, most: int = 10) -> list[tuple[str, str, int]]:
    """Return the commonest mistakes, as the true class, the class answered and how often."""
    counts = confusion(answered)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(order, counts.shape), strict=True)
    return [(answered.classes[i], answered.classes[j], int(counts[i, j])) for i, j in pairs if counts[i, j]]


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_], groups: NDArray[Any]) -> tuple[Bin, ...]:
    """Compare confidence with accuracy in ten equal bins of confidence; empty ones are left out.

    Parameters
    ----------
    confidence : probability of the class answered, shape (n,)
    right : whether it was the true one, shape (n,)
    groups : for the intervals, shape (n,)
    """
    place = confidence_bins(confidence)
    return tuple(
        Bin(
            b / N_BINS,
            (b + 1) / N_BINS,
            int((place == b).sum()),
            confidence=float(confidence[place == b].mean()),
            accuracy=float(right[place == b].mean()),
            ci95=interval_of_share(right[place == b], groups[place == b]),
        )
        for b in np.unique(place).tolist()
    )


def mistakes(answered: ScoredPredictions, *, most: int = N_MISTAKES) -> tuple[Mistake, ...]:
    """Return the worst mistakes: wrong classes that the model was surest of, or the numbers that are farthest off."""
    examples, texts = answered.dataset.examples, answers_of(answered.dataset)
    if answered.classes:
        order = np.argsort(np.where(answered.right, np.inf, -answered.confidence), kind="stable")
        order = order[: min(most, int((~answered.right).sum()))]
    else:
        order = np.argsort(-np.abs(answered.errors), kind="stable")[:most]
    found = []
    for place in order.tolist():
        name, truth = name_of(answered.dataset, examples[place]), texts[place]
        if answered.classes:
            answer, confidence = answered.classes[answered.chosen[place]], float(answered.confidence[place])
            found.append(Mistake(name, truth, answer, confidence=confidence))
        else:
            number = float(answered.answers[place, 0])
            found.append(Mistake(name, truth, f"{number:.4g}", error=float(answered.errors[place])))
    return tuple(found)


def summary(answered: ScoredPredictions) -> dict[str, Any]:
    """Return the whole breakdown as JSON, as ``train --json`` and ``evaluate --json`` print it."""
    columns = {name: [_plain(part) for part in parts] for name, parts in by_column(answered).items()}
    found: dict[str, Any] = {"by_column": columns, "mistakes": [_plain(one) for one in mistakes(answered)]}
    if answered.classes:
        bins = reliability(answered.confidence, answered.right, answered.dataset.groups)
        found |= {
            "by_class": [_plain(one) for one in by_class(answered)],
            "confusion": {"classes": list(answered.classes), "counts": confusion(answered).tolist()},
            "reliability": [_plain(one) for one in bins],
        }
    return found


def _plain(one: ClassScore | Part | Bin | Mistake) -> dict[str, Any]:
    """Return the fields that say something, as JSON has them: an interval without bounds is null."""
    fields = {name: value for name, value in asdict(one).items() if value is not None}
    if "ci95" in fields:
        fields["ci95"] = list(fields["ci95"]) if np.isfinite(fields["ci95"]).all() else None
    return fields
