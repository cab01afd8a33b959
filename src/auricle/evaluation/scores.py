"""How good answers are: by recording, with intervals over the groups that could have been heard instead."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, t

__all__ = [
    "Scores",
    "accuracy",
    "balanced_accuracy",
    "baseline",
    "classification",
    "classification_intervals",
    "confidence_bins",
    "coverage",
    "interval_of_accuracy",
    "interval_of_mean",
    "interval_of_r2",
    "interval_of_share",
    "losses",
    "mean_absolute_error",
    "regression",
    "regression_intervals",
    "verdict",
]

Scores = dict[str, Any]

N_RESAMPLES = 2000
N_BINS = 10
LEAST_OF_GROUP = 9
"""Fewest recordings of which a share says something about their group."""


def classification(truth: NDArray[np.intp], probabilities: NDArray[np.float64], chosen: NDArray[np.intp]) -> Scores:
    """Score a classifier's answers.

    Parameters
    ----------
    truth : index of each recording's class, shape (n,)
    probabilities : shape (n, n_classes)
    chosen : index of the class answered, shape (n,)

    Returns
    -------
    ``accuracy``, ``balanced_accuracy`` (mean recall of the classes present), ``macro_f1`` (mean over the classes
    present or answered), ``log_loss`` (natural logarithm) and ``ece`` (expected calibration error, ten equal bins)
    """
    right = chosen == truth
    f1 = [
        2 * (right & (truth == c)).sum() / ((truth == c).sum() + (chosen == c).sum()) for c in np.union1d(truth, chosen)
    ]
    confidence = probabilities[np.arange(len(truth)), chosen]
    loss = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean()
    return {
        "accuracy": accuracy(truth, chosen),
        "balanced_accuracy": balanced_accuracy(truth, chosen),
        "macro_f1": float(np.mean(f1)),
        "log_loss": float(loss),
        "ece": _calibration_error(confidence, right),
    }


def regression(truth: NDArray[np.float64], values: NDArray[np.float64]) -> Scores:
    """Score a regressor's answers: ``r2``, ``mae`` and ``rmse``, the last two in the target's unit; shapes (n,)."""
    errors = values - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "r2": float(1.0 - (errors**2).sum() / spread) if spread else float("nan"),
        "mae": mean_absolute_error(truth, values),
        "rmse": float(np.sqrt((errors**2).mean())),
    }


def classification_intervals(truth: NDArray[np.intp], chosen: NDArray[np.intp], groups: NDArray[Any]) -> Scores:
    """Return the 95% intervals of a classifier's scores over groups, and the accuracy of the commonest class.

    Parameters
    ----------
    truth, chosen : index of each recording's class and of the predicted one, shape (n,)
    groups : recordings of one group are not independent, shape (n,)

    Returns
    -------
    ``ci95`` of the accuracy, ``balanced_accuracy_ci95`` and ``baseline``
    """
    right = chosen == truth
    return {
        "ci95": list(interval_of_accuracy(right, truth, groups)),
        "balanced_accuracy_ci95": list(interval_of_accuracy(right, truth, groups, balanced=True)),
        "baseline": baseline(truth),
    }


def regression_intervals(truth: NDArray[np.float64], values: NDArray[np.float64], groups: NDArray[Any]) -> Scores:
    """Return ``ci95``, the 95% interval of R² over groups, and ``baseline``, the R² of the mean; shapes (n,)."""
    return {"ci95": list(interval_of_r2(truth, values, groups)), "baseline": 0.0}


def accuracy(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the share of recordings whose predicted class is the true one; shapes (n,)."""
    return float((predicted == truth).mean())


def balanced_accuracy(truth: NDArray[Any], predicted: NDArray[Any], classes: Iterable[Any] | None = None) -> float:
    """Return the mean recall of classes.

    Parameters
    ----------
    truth, predicted : shape (n,)
    classes : each of which is the true class of a recording; None for all that are
    """
    return float(
        np.mean([(predicted[truth == c] == c).mean() for c in (np.unique(truth) if classes is None else classes)])
    )


def mean_absolute_error(truth: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Return how far numbers are off on the mean, in the target's unit; shapes (n,)."""
    return float(losses(truth, values, is_class=False).mean())


def losses(truth: NDArray[Any], predicted: NDArray[Any], *, is_class: bool) -> NDArray[np.float64]:
    """Return 1 where a predicted class is wrong and 0 where it is right, or how far a number is off; shapes (n,)."""
    return np.asarray(predicted != truth if is_class else np.abs(predicted - truth), np.float64)


def confidence_bins(confidence: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return which of ``N_BINS`` equal bins each confidence lies in, shape (n,)."""
    return np.minimum((confidence * N_BINS).astype(np.intp), N_BINS - 1)


def interval_of_accuracy(
    right: NDArray[np.bool_], truth: NDArray[np.intp], groups: NDArray[Any], *, balanced: bool = False, seed: int = 0
) -> tuple[float, float]:
    """Return the 95% interval of (balanced) accuracy, by resampling whole groups of recordings.

    Where every group is answered alike, resampling sees no doubt; the exact binomial bound over groups then stands in.
    """
    classes, truth = np.unique(truth, return_inverse=True)
    names, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((2, len(names), len(classes)))
    np.add.at(counts[0], (members, truth), right)
    np.add.at(counts[1], (members, truth), 1.0)
    hits, totals = _resample(counts, seed)
    if balanced:
        recalls = np.divide(hits, totals, out=np.full_like(hits, np.nan), where=totals > 0)
        scores = np.nanmean(recalls, axis=1)
    else:
        scores = hits.sum(axis=1) / totals.sum(axis=1)
    if right.all() or not right.any():
        bound = float(beta.ppf(0.025, len(names), 1))
        return (bound, 1.0) if right.all() else (0.0, 1.0 - bound)
    return _percentiles(scores)


def interval_of_r2(
    truth: NDArray[np.float64], values: NDArray[np.float64], groups: NDArray[Any], *, seed: int = 0
) -> tuple[float, float]:
    """Return the 95% interval of R², by resampling whole groups of recordings."""
    names, members = np.unique(groups, return_inverse=True)
    centred = truth - truth.mean()  # R² does not change, and the sums lose no digits
    sums = np.zeros((4, len(names)))
    for row, value in zip(sums, (np.ones_like(truth), centred, centred**2, (values - truth) ** 2), strict=True):
        np.add.at(row, members, value)
    n, first, second, lost = _resample(sums, seed)
    spread = second - first**2 / n
    return _percentiles((1.0 - lost / np.maximum(spread, 1e-12))[spread > 1e-12])


def interval_of_share(hits: NDArray[Any], groups: NDArray[Any]) -> tuple[float, float]:
    """Return the 95% interval of a share of recordings, without resampling: fit for many small parts of a set.

    Recordings of one group are counted for as much as they say beside each other; of one single group, each recording
    stands for itself.

    Parameters
    ----------
    hits : 1 where it is so and 0 where not, or truth values, shape (n,), n ≥ 1
    groups : shape (n,)

    Source: Wilson (1927), with the effective number of Korn and Graubard (1998) and Student's quantile over groups.
    """
    share = float(hits.mean())
    n_groups, variance = _clustered(hits.astype(np.float64), groups)
    if n_groups < 2:
        return 0.0, 1.0
    known = share * (1 - share) / variance if variance > 0 else float(n_groups)
    n, z2 = min(max(known, 1.0), float(len(hits))), float(t.ppf(0.975, n_groups - 1)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def interval_of_mean(values: NDArray[np.float64], groups: NDArray[Any]) -> tuple[float, float]:
    """Return the 95% interval of a mean over recordings, as `interval_of_share`: Student's, with groups as the trials.

    Parameters
    ----------
    values : shape (n,), n ≥ 1
    groups : shape (n,)
    """
    n_groups, variance = _clustered(values, groups)
    if n_groups < 2:
        return float("-inf"), float("inf")
    reach = float(t.ppf(0.975, n_groups - 1)) * float(np.sqrt(variance))
    return float(values.mean()) - reach, float(values.mean()) + reach


def coverage(covered: NDArray[np.bool_], size: NDArray[np.float64], groups: NDArray[Any], *, is_class: bool) -> Scores:
    """Score sets of classes, or intervals, that were made without the recordings that they are scored on.

    Parameters
    ----------
    covered : whether the truth lay within, shape (n,)
    size : number of classes, or width of the interval, shape (n,)
    groups : shape (n,)

    Returns
    -------
    ``coverage``; ``coverage_worst_group``, that of the group with the least, and ``worst_group``, its name, among
    groups of ``LEAST_OF_GROUP`` recordings and more; ``set_size`` or ``interval_width``, the mean
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
    """Return the accuracy of always answering the commonest class; balanced, one over the number of classes."""
    _, counts = np.unique(truth, return_counts=True)
    return 1.0 / len(counts) if balanced else float(counts.max() / counts.sum())


def verdict(scores: Mapping[str, Any], *, task: str, n_recordings: int, n_groups: int, guess: float) -> str:
    """Say in one sentence whether the model is worth anything: whether its interval clears a guess.

    Parameters
    ----------
    scores : with ``balanced_accuracy_ci95`` and ``accuracy``, or ``r2`` and ``ci95``
    guess : balanced accuracy of a guess; for a regressor 0, the R² of always answering the mean
    """
    heard = f"{n_recordings} recordings of {n_groups} groups it had not heard"
    if task == "classify":
        low, high = scores["balanced_accuracy_ci95"]
        got = f"balanced accuracy {scores['balanced_accuracy']:.2f} (95% interval {low:.2f} to {high:.2f}) on {heard}"
        against = f"a guess gets {guess:.2f}"
    else:
        low, high = scores["ci95"]
        got = f"R² {scores['r2']:.2f} (95% interval {low:.2f} to {high:.2f}) on {heard}"
        against = "always answering the mean gets 0"
    if low > guess:
        return f"Better than guessing: {got}; {against}."
    return f"This model is no better than guessing: {got}; {against}."


def _calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    bins = confidence_bins(confidence)
    gaps = [abs(float((right[bins == b] - confidence[bins == b]).sum())) for b in np.unique(bins)]
    return sum(gaps) / len(right)


def _clustered(values: NDArray[np.float64], groups: NDArray[Any]) -> tuple[int, float]:
    """Return how many groups there are and the variance of the mean; one single group is taken apart."""
    names, members = np.unique(groups, return_inverse=True)
    if len(names) == 1:
        names = members = np.arange(len(values))
    n_groups = len(names)
    off = np.bincount(members, values - values.mean()) / len(values)
    return n_groups, float((off**2).sum() * n_groups / max(n_groups - 1, 1))


def _resample(sums: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Draw groups with replacement; return each draw's sums, shape (n_sums, n_resamples, ...)."""
    n_groups = sums.shape[1]
    weights = np.random.default_rng(seed).multinomial(n_groups, np.full(n_groups, 1 / n_groups), N_RESAMPLES)
    return np.stack([weights @ part for part in sums])


def _percentiles(scores: NDArray[np.float64]) -> tuple[float, float]:
    if not len(scores):
        return float("-inf"), float("inf")
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)
