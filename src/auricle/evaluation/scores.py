"""Scores of predictions against true classes or numbers, their 95% intervals over groups, and the verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.evaluation.intervals import interval_of_accuracy, interval_of_r2
from auricle.tasks.table import TASKS, Task

__all__ = [
    "Scores",
    "Verdict",
    "VerdictKind",
    "accuracy",
    "balanced_accuracy",
    "baseline",
    "classification",
    "classification_intervals",
    "confidence_bins",
    "coverage",
    "losses",
    "mean_absolute_error",
    "regression",
    "regression_intervals",
    "scores_as_json",
    "verdict",
    "verdict_kind",
]

Scores: TypeAlias = dict[str, Any]
"""Scores by name; an interval has the name of its score, or is ``ci95``."""

VerdictKind: TypeAlias = Literal["better", "no_better", "cannot_say"]

N_BINS = 10
LEAST_OF_GROUP = 9
"""Fewest recordings of a group from which its coverage is reported."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model beats guessing: the kind for programs, the sentence for people."""

    kind: VerdictKind
    sentence: str


def classification(truth: NDArray[np.intp], probabilities: NDArray[np.float64], predicted: NDArray[np.intp]) -> Scores:
    """Score a classifier's predictions.

    Parameters
    ----------
    truth, predicted : int, shape (n,)
        Index of the true and of the predicted class of each recording.
    probabilities : float64, shape (n, n_classes)

    Returns
    -------
    dict
        ``accuracy``, ``balanced_accuracy`` (mean recall of the classes present), ``macro_f1`` (mean over the classes
        present or predicted), ``log_loss`` (natural logarithm) and ``ece`` (expected calibration error, ten equal
        bins).
    """
    correct = predicted == truth
    f1 = [
        2 * (correct & (truth == c)).sum() / ((truth == c).sum() + (predicted == c).sum())
        for c in np.union1d(truth, predicted)
    ]
    confidence = probabilities[np.arange(len(truth)), predicted]
    loss = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean()
    return {
        "accuracy": accuracy(truth, predicted),
        "balanced_accuracy": balanced_accuracy(truth, predicted),
        "macro_f1": float(np.mean(f1)),
        "log_loss": float(loss),
        "ece": _calibration_error(confidence, correct),
    }


def regression(truth: NDArray[np.float64], values: NDArray[np.float64]) -> Scores:
    """Score a regressor's predictions: ``r2``, and ``mae`` and ``rmse`` in the target's unit; shapes (n,)."""
    errors = values - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "r2": float(1.0 - (errors**2).sum() / spread) if spread else float("nan"),
        "mae": mean_absolute_error(truth, values),
        "rmse": float(np.sqrt((errors**2).mean())),
    }


def classification_intervals(truth: NDArray[np.intp], predicted: NDArray[np.intp], groups: NDArray[Any]) -> Scores:
    """Return the 95% intervals of a classifier's scores over groups, and the accuracy of the commonest class.

    Parameters
    ----------
    truth, predicted : int, shape (n,)
        Index of the true and of the predicted class of each recording.
    groups : str or int, shape (n,)
        Recordings of one group are not independent.

    Returns
    -------
    dict
        ``ci95`` of the accuracy, ``balanced_accuracy_ci95``, ``baseline`` and ``n_groups``.
    """
    correct = predicted == truth
    return {
        "ci95": list(interval_of_accuracy(correct, truth, groups)),
        "balanced_accuracy_ci95": list(interval_of_accuracy(correct, truth, groups, balanced=True)),
        "baseline": baseline(truth),
        "n_groups": int(np.unique(groups).size),
    }


def regression_intervals(truth: NDArray[np.float64], values: NDArray[np.float64], groups: NDArray[Any]) -> Scores:
    """Return ``ci95`` (the 95% interval of R² over groups), ``baseline`` (the R² of the mean) and ``n_groups``."""
    return {
        "ci95": list(interval_of_r2(truth, values, groups)),
        "baseline": 0.0,
        "n_groups": int(np.unique(groups).size),
    }


def accuracy(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the share of recordings whose predicted class is the true one; shapes (n,)."""
    return float((predicted == truth).mean())


def balanced_accuracy(truth: NDArray[Any], predicted: NDArray[Any], classes: Iterable[Any] | None = None) -> float:
    """Return the mean recall of classes.

    Parameters
    ----------
    truth, predicted : array, shape (n,)
    classes : iterable
        Classes to average over; each must occur in ``truth``. None takes all that occur.
    """
    return float(
        np.mean([(predicted[truth == c] == c).mean() for c in (np.unique(truth) if classes is None else classes)])
    )


def mean_absolute_error(truth: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Return the mean absolute error, in the target's unit; shapes (n,)."""
    return float(losses(truth, values, is_class=False).mean())


def losses(truth: NDArray[Any], predicted: NDArray[Any], *, is_class: bool) -> NDArray[np.float64]:
    """Return the zero-one loss of classes, or the absolute error of numbers; shapes (n,)."""
    return np.asarray(predicted != truth if is_class else np.abs(predicted - truth), np.float64)


def confidence_bins(confidence: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of each confidence's bin among ``N_BINS`` equal ones, shape (n,)."""
    return np.minimum((confidence * N_BINS).astype(np.intp), N_BINS - 1)


def coverage(covered: NDArray[np.bool_], size: NDArray[np.float64], groups: NDArray[Any], *, is_class: bool) -> Scores:
    """Score out-of-fold prediction sets or intervals: how often they hold the truth, and how large they are.

    Parameters
    ----------
    covered : bool, shape (n,)
        Whether the set or interval holds the true class or number.
    size : float64, shape (n,)
        Number of classes, or width of the interval.
    groups : str, shape (n,)
    is_class : bool
        Whether the sizes are of sets of classes.

    Returns
    -------
    dict
        ``coverage``; ``set_size`` or ``interval_width``, the mean; and, where a group has ``LEAST_OF_GROUP``
        recordings, ``coverage_worst_group`` and ``worst_group``, the least coverage of such a group and its name.
    """
    found: Scores = {
        "coverage": float(covered.mean()),
        "set_size" if is_class else "interval_width": float(size.mean()),
    }
    names, members, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if counts.max() >= LEAST_OF_GROUP:
        shares = np.where(counts >= LEAST_OF_GROUP, np.bincount(members, covered) / counts, np.inf)
        worst = int(np.lexsort((-counts, shares))[0])
        found |= {"coverage_worst_group": float(shares[worst]), "worst_group": str(names[worst])}
    return found


def baseline(truth: NDArray[Any], *, balanced: bool = False) -> float:
    """Return the accuracy of always predicting the commonest class; balanced, 1 / number of classes."""
    _, counts = np.unique(truth, return_counts=True)
    return 1.0 / len(counts) if balanced else float(counts.max() / counts.sum())


def verdict_kind(scores: Mapping[str, Any], *, task: Task, chance_level: float) -> VerdictKind:
    """Return whether the 95% interval of the score lies above chance; ``cannot_say`` where it has no interval."""
    facts = TASKS[task]
    low, high = scores[facts.verdict_interval]
    if not np.isfinite([scores[facts.verdict_score], low, high]).all():
        return "cannot_say"
    return "better" if low > chance_level else "no_better"


def verdict(scores: Mapping[str, Any], *, task: Task, recordings: str, chance_level: float) -> Verdict:
    """Compare a model's score with guessing.

    Parameters
    ----------
    scores : dict
        With the task's ``verdict_score`` and ``verdict_interval``; ``n_groups`` where it is known.
    task : str
    recordings : str
        The recordings scored, in words: "16 held-out recordings".
    chance_level : float
        Balanced accuracy of a random guess; for numbers 0, the R² of predicting the mean.
    """
    facts, kind = TASKS[task], verdict_kind(scores, task=task, chance_level=chance_level)
    if kind == "cannot_say":
        error = f"; mean absolute error {scores['mae']:.4g}" if "mae" in scores else ""
        if scores.get("n_groups") == 1 and np.isfinite(scores[facts.verdict_score]):
            score = f"{facts.verdict_name} {scores[facts.verdict_score]:.2f} on {recordings}{error}"
            return Verdict(
                kind,
                f"Cannot say: all recordings come from one group, and another may sound different ({score}).",
            )
        return Verdict(
            kind,
            f"Cannot say whether this is better than guessing: {facts.verdict_name} has no 95% interval on "
            f"{recordings}{error}.",
        )
    low, high = scores[facts.verdict_interval]
    opening = "Better than guessing" if kind == "better" else "No better than guessing"
    n_groups = scores.get("n_groups")
    if kind == "no_better" and n_groups is not None and scores[facts.verdict_score] > chance_level:
        opening += f" as far as {n_groups} groups can show"
    chance = f"chance level {chance_level:.2f}" if facts.target == "class" else "predicting the mean scores 0"
    return Verdict(
        kind,
        f"{opening}: {facts.verdict_name} {scores[facts.verdict_score]:.2f} (95% interval {low:.2f} to {high:.2f}) on "
        f"{recordings}; {chance}.",
    )


def scores_as_json(scores: Mapping[str, Any]) -> Scores:
    """Return scores as JSON has them: null for numbers and intervals that so few recordings or groups do not define."""
    return {
        name: value if isinstance(value, str) or np.isfinite(value).all() else None for name, value in scores.items()
    }


def _calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    bins = confidence_bins(confidence)
    gaps = [abs(float((correct[bins == b] - confidence[bins == b]).sum())) for b in np.unique(bins)]
    return sum(gaps) / len(correct)
