"""95% intervals of scores over groups, honest for few of them.

The problem: recordings of one machine, speaker or site are alike, so the groups are the independent observations, often
three to ten of them and of very different sizes. A bootstrap over so few covers far less than it says, and a group with
two hundred recordings does not tell two hundred times as much as one with a single recording.

The form: group means are weighted by the inverse of their variance, between groups and within (random effects; the
parts by moments). Their variance is estimated from the weighted squares, each corrected for its leverage (CR2), and
Student's t has the degrees of freedom that match the spread of that estimate (Satterthwaite). Balanced accuracy weights
groups so within each class. Shares take Wilson's form of it, which stays between 0 and 1 and is wide near them; ratios
like R² take the logarithm of what is lost.

Conventions: arrays of one value per recording, shape (n,), and their groups, shape (n,). An interval always holds the
plain score over recordings. From one group nothing can be said of others: the ends are infinite.

Sources: Bell and McCaffrey (2002), "Bias reduction in standard errors for linear regression with multi-stage samples";
DerSimonian and Laird (1986), "Meta-analysis in clinical trials"; Wilson (1927); Korn and Graubard (1998), "Confidence
intervals for proportions with small expected number of positive counts".
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, t

__all__ = [
    "METHOD",
    "NO_INTERVAL",
    "interval_of_accuracy",
    "interval_of_loss",
    "interval_of_mean",
    "interval_of_r2",
    "interval_of_share",
    "mean_variance",
]

METHOD: Final = "Student's t over groups (random effects, CR2, Satterthwaite)"
"""Name of the form, for reports."""

NO_INTERVAL: Final = (float("-inf"), float("inf"))
"""Ends of the interval that one group gives."""

MIN_ICC: Final = 0.05
"""Least intraclass correlation that the weights assume: a few groups may look alike by chance."""

MAX_LEVERAGE: Final = 0.2
"""Leverage of its groups, above that of all groups, from which the mean of a class tells of their luck only."""

MAX_LOG: Final = 700.0
"""Largest logarithm whose exponential is finite, rounded down."""


class _Mean(NamedTuple):
    """A weighted mean over groups."""

    value: float
    variance: float
    freedom: float
    n_groups: int


def interval_of_accuracy(
    correct: NDArray[np.bool_], truth: NDArray[np.intp], groups: NDArray[Any], *, balanced: bool = False
) -> tuple[float, float]:
    """Return the 95% interval of accuracy, or of balanced accuracy, over groups.

    Parameters
    ----------
    correct : bool, shape (n,)
    truth : int, shape (n,)
        True classes.
    groups : str or int, shape (n,)
    balanced : bool
        Whether each class counts the same. Groups may hold all classes or one each: a person with one diagnosis.
    """
    return _wilson(np.asarray(correct, np.float64), groups, truth if balanced else np.zeros(len(truth), np.intp))


def interval_of_share(hits: NDArray[Any], groups: NDArray[Any]) -> tuple[float, float]:
    """Return the 95% interval of a proportion of recordings, by Wilson's form over groups.

    Where all groups are unanimous, the exact binomial bound over groups takes its place if it is wider.

    Parameters
    ----------
    hits : bool, 0/1, or float64 with a mean from 0 to 1, shape (n,), n ≥ 1
    groups : str or int, shape (n,)
    """
    return _wilson(np.asarray(hits, np.float64), groups, np.zeros(len(hits), np.intp))


def interval_of_mean(values: NDArray[np.float64], groups: NDArray[Any]) -> tuple[float, float]:
    """Return the 95% interval of a mean over recordings.

    Parameters
    ----------
    values : float64, shape (n,), n ≥ 1
    groups : str or int, shape (n,)
    """
    mean, spread = float(values.mean()), float(values.var())
    found = _mean_over_groups(values, groups, np.zeros(len(values), np.intp), spread=spread, prior=spread)
    if found.n_groups < 2:
        return NO_INTERVAL
    reach = float(t.ppf(0.975, found.freedom)) * float(np.sqrt(max(found.variance, spread / len(values))))
    return min(found.value - reach, mean), max(found.value + reach, mean)


def interval_of_loss(losses: NDArray[np.float64], groups: NDArray[Any]) -> tuple[float, float]:
    """Return the 95% interval of a mean loss, on its logarithm: a few groups of large errors make losses skewed.

    Parameters
    ----------
    losses : float64, shape (n,), n ≥ 1, at least 0
        Such as absolute errors.
    groups : str or int, shape (n,)
    """
    mean = float(losses.mean())
    if not mean or np.unique(groups).size < 2:
        return interval_of_mean(losses, groups)
    low, high = interval_of_mean(np.log(mean) + (losses - mean) / mean, groups)
    return min(float(np.exp(low)), mean), max(float(np.exp(min(high, MAX_LOG))), mean)


def interval_of_r2(
    truth: NDArray[np.float64], values: NDArray[np.float64], groups: NDArray[Any]
) -> tuple[float, float]:
    """Return the 95% interval of R², on the logarithm of the share that the predictions lose.

    Parameters
    ----------
    truth, values : float64, shape (n,)
    groups : str or int, shape (n,)
    """
    around, errors = (truth - truth.mean()) ** 2, (values - truth) ** 2
    spread = float(around.mean())
    if np.unique(groups).size < 2 or not spread:
        return NO_INTERVAL
    lost = float(errors.mean()) / spread
    if not lost:
        return 1.0, 1.0
    low, high = interval_of_mean(np.log(lost) + (errors - lost * around) / (lost * spread), groups)
    return 1.0 - float(np.exp(min(high, MAX_LOG))), 1.0 - float(np.exp(low))


def mean_variance(values: NDArray[np.float64], groups: NDArray[Any]) -> float:
    """Return the variance of a mean over groups; from one group, that over its recordings.

    Parameters
    ----------
    values : float64, shape (n,), n ≥ 1
    groups : str or int, shape (n,)
    """
    spread = float(values.var())
    found = _mean_over_groups(values, groups, np.zeros(len(values), np.intp), spread=spread, prior=spread)
    return max(found.variance, spread / len(values))


def _wilson(values: NDArray[np.float64], groups: NDArray[Any], classes: NDArray[np.intp]) -> tuple[float, float]:
    """Return the 95% interval of the mean over classes of the share in each; shapes (n,)."""
    _, members, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    parts = 1.0 / (len(sizes) * sizes[members])
    share, n = float(np.clip(parts @ values, 0.0, 1.0)), 1.0 / float((parts**2).sum())
    smoothed = (share * n + 0.5) / (n + 1)
    found = _mean_over_groups(values, groups, members, spread=smoothed * (1.0 - smoothed), prior=0.5)
    if found.n_groups < 2:
        return NO_INTERVAL
    mean = float(np.clip(found.value, 0.0, 1.0))
    spread = mean * (1.0 - mean) or smoothed * (1.0 - smoothed)
    n_effective = spread / max(found.variance, spread / n)
    z2 = float(t.ppf(0.975, found.freedom)) ** 2
    centre = (mean + z2 / (2 * n_effective)) / (1 + z2 / n_effective)
    reach = np.sqrt(z2 * (mean * (1 - mean) / n_effective + z2 / (4 * n_effective**2))) / (1 + z2 / n_effective)
    low, high = max(0.0, min(float(centre - reach), share)), min(1.0, max(float(centre + reach), share))
    if np.ptp(values) == 0.0 and values[0] in (0.0, 1.0):
        bound = float(beta.ppf(0.025, found.n_groups, 1))
        return (min(low, bound), 1.0) if values[0] else (0.0, max(high, 1.0 - bound))
    return low, high


def _mean_over_groups(
    values: NDArray[np.float64], groups: NDArray[Any], classes: NDArray[np.intp], *, spread: float, prior: float
) -> _Mean:
    """Return the mean over classes of the mean in each, groups weighted by the inverse of their variance.

    Deviations are taken from the mean of the class as far as it tells more than the luck of a few groups; otherwise
    from the mean of all, since a class of one group deviates from its own mean by nothing.

    Parameters
    ----------
    values : float64, shape (n,)
    groups : str or int, shape (n,)
    classes : int, shape (n,), from 0, each with a recording
        Strata that count the same; all 0 for a plain mean.
    spread : float
        Variance of a value, which the least variance between groups is a part of.
    prior : float
        Sum of squares within groups that one more degree of freedom adds, so that unanimous groups have some variance.
    """
    _, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n, n_groups, n_classes = len(values), len(sizes), int(classes.max()) + 1
    means = np.bincount(members, values) / sizes
    if n_groups < 2:
        return _Mean(float(means[0]), 0.0, 1.0, n_groups)
    if not spread:
        return _Mean(float(means[0]), 0.0, n_groups - 1.0, n_groups)
    within = max((float(((values - means[members]) ** 2).sum()) + prior) / (n - n_groups + 1), 1e-12 * spread)
    between = float((sizes * (means - values.mean()) ** 2).sum()) - (n_groups - 1) * within
    between = max(between / (n - float((sizes**2).sum()) / n), MIN_ICC * spread)
    parts = 1.0 / (sizes * between + within)[members]
    parts /= n_classes * np.bincount(classes, parts)[classes]
    weights, mean = np.bincount(members, parts), float(parts @ values)
    centres = np.full(n_classes, mean)
    if n_classes > 1:
        means_of_classes = n_classes * np.bincount(classes, parts * values)
        keys, cells = np.unique(members * n_classes + classes, return_inverse=True)
        # Sum of the squared weights of the groups of a class: 1 where it has one group, 1 / n_groups where it is in all
        leverage = np.bincount(keys % n_classes, (n_classes * np.bincount(cells, parts)) ** 2)
        trust = np.clip(1.0 - (leverage - float((weights**2).sum())) / MAX_LEVERAGE, 0.0, 1.0)
        centres += trust * (means_of_classes - mean)
    deviations = np.bincount(members, parts * (values - centres[classes]))
    # The estimate is a quadratic form of the groups' parts of the mean, and its expectation and variance are traces
    # (Satterthwaite), under the variances assumed above
    variances = weights**2 * between + within * np.bincount(members, parts**2)
    total, scale = float(variances.sum()), 1.0 / (1.0 - weights)
    trace = float(scale @ ((1.0 - weights) ** 2 * variances + weights**2 * (total - variances)))
    of_weights, of_variances, of_both = (
        float(scale @ each) for each in (weights**2, variances**2, weights * variances)
    )
    diagonal = variances**2 + 2 * variances * (total * weights**2 - 2 * weights * variances)
    square = float(scale**2 @ diagonal) + 2 * of_weights * of_variances
    square += (total * of_weights) ** 2 + 2 * of_both**2 - 4 * total * of_weights * of_both
    estimate = float(scale @ deviations**2) * total / trace
    return _Mean(mean, estimate, max(1.0, trace**2 / square), n_groups)
