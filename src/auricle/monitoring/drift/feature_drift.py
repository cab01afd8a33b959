"""Drift of single columns: which features and measures moved, by how much, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, kstwobign

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.drift.resampling import effective_size_ratio, p_values
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_EFFECT", "FeatureDrift", "feature_drift", "drift_table"]

MIN_EFFECT = 0.3
"""Spreads of the reference that a column must move by, whatever its significance."""

N_SHUFFLES = 200
N_POOLED_COLUMNS = 24
"""Columns that are shuffled, so many times each; what they give is pooled."""

_QUANTILES = (np.arange(64) + 0.5) / 64

_MIN_SCALES = {"dc": 0.005, "bandwidth_hz": 250.0, "dropouts": 0.2}
_MIN_SCALES |= dict.fromkeys(("clipped", "silent", "holes", "flat_topped"), 0.01)
"""Least spread that a measure is taken to have, where the reference hardly varies; 1 for decibels."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How one column moved between reference and window.

    Parameters
    ----------
    name : of the feature or measure
    gap : Kolmogorov-Smirnov distance, 0 to 1
    effect : Wasserstein distance, in spreads of the reference
    before, after : medians
    p, q : significance, alone and among all columns
    p_apart : significance if every recording counted for itself, whatever its group
    """

    name: str
    gap: float
    effect: float
    before: float
    after: float
    p: float
    q: float
    p_apart: float

    def drifted(self, rate: float) -> bool:
        """Whether it moved significantly at a false discovery rate, and far enough to act on."""
        return self.q <= rate and self.effect >= MIN_EFFECT

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def drift_table(sample: Sample) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return all that is compared column by column, shape (n, k), and its names.

    The standard row, the sound's quality, how unlike the training sound it is, and the confidence or the number
    answered.
    """
    prediction = sample.confidence if sample.classes else sample.outputs[:, 0]
    names = (*sample.columns, *QUALITY_COLUMNS, "novelty", "confidence" if sample.classes else "answer")
    table = np.column_stack([sample.rows, sample.quality, sample.novelty, prediction]).astype(np.float32)
    return table, names


def feature_drift(
    values: NDArray[np.float32], names: Sequence[str], groups: NDArray[np.str_], masks: NDArray[np.bool_]
) -> tuple[FeatureDrift, ...]:
    """Compare every column of reference and window.

    Kolmogorov-Smirnov distances of continuous columns are distributed alike when nothing has changed, so that shuffles
    of some columns tell how rare one is. One with many equal values is seldom called moved, and never too often.

    Parameters
    ----------
    values : finite, shape (n, k)
    names : of the columns
    groups : shape (n,)
    dealt : which recordings are the window's, as observed and in shuffles, from
        :func:`~auricle.monitoring.drift.resampling.permutation_masks`
    """
    window = masks[:, 0]
    distances = np.concatenate([_ks_distances(column, masks[:, :1]) for column in values.T])
    shuffled = np.stack([_ks_distances(column, masks[:, 1 : 1 + N_SHUFFLES]) for column in values.T[_continuous_columns(values)]])
    root_n = float(np.sqrt(window.sum() * (~window).sum() / len(window)))
    p, p_apart = (
        _tail_p_values(one, shuffled, root_n) for one in (distances * np.sqrt(effective_size_ratio(values, groups, window)), distances)
    )
    q = false_discovery_control(p)
    reference, live = values[~window], values[window]
    before, after = np.median(reference, axis=0), np.median(live, axis=0)
    found = {
        "gap": distances,
        "effect": _wasserstein(reference, live) / _scales(reference, names),
        "before": before,
        "after": after,
        "p": p,
        "q": q,
        "p_apart": p_apart,
    }
    return tuple(
        FeatureDrift(name, **{statistic: float(columns[i]) for statistic, columns in found.items()}) for i, name in enumerate(names)
    )


def _tail_p_values(observed: NDArray[np.float64], shuffled: NDArray[np.float64], root_n: float) -> NDArray[np.float64]:
    """Return p-values; beyond what any shuffle reached, by the tail of Kolmogorov's distribution."""
    p = p_values(observed, shuffled)
    beyond = observed > shuffled.max(initial=0.0)
    p[beyond] = np.minimum(p[beyond], kstwobign.sf(observed[beyond] * root_n))
    return p


def _ks_distances(column: NDArray[np.float32], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the Kolmogorov-Smirnov distance of window and reference in every shuffle, shape (n_shuffles,)."""
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    last = np.append(np.flatnonzero(ordered[1:] > ordered[:-1]), len(column) - 1)  # of each run of equal values
    n, n_window = len(column), int(masks[:, 0].sum())
    counts = np.cumsum(masks[order], axis=0, dtype=np.int32)
    if last.size < n:
        counts = counts[last]
    deviation = counts - ((last + 1) * (n_window / n)).astype(np.float32)[:, None]
    return np.asarray(np.abs(deviation, out=deviation).max(axis=0), np.float64) * (n / (n_window * (n - n_window)))


def _continuous_columns(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return columns that are as good as continuous, evenly spread; any, where none is."""
    n_distinct = np.array([np.unique(column).size for column in values.T])
    found = np.flatnonzero(n_distinct > len(values) / 2)
    found = found if found.size else np.arange(len(n_distinct))
    return np.asarray(found[np.unique(np.linspace(0, found.size - 1, N_POOLED_COLUMNS).round().astype(np.intp))])


def _wasserstein(reference: NDArray[np.float32], live: NDArray[np.float32]) -> NDArray[np.float64]:
    quantiles = [np.quantile(side, _QUANTILES, axis=0) for side in (reference, live)]
    return np.asarray(np.abs(quantiles[0] - quantiles[1]).mean(axis=0), np.float64)


def _scales(reference: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
    minimum = [_MIN_SCALES.get(name, 1.0) if name in QUALITY_COLUMNS else 1e-6 for name in names]
    return np.asarray(np.maximum(reference.std(axis=0, dtype=np.float64), minimum))
