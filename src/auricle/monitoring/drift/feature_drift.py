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

__all__ = ["LEAST_EFFECT", "FeatureDrift", "feature_drift", "table_of"]

LEAST_EFFECT = 0.3
"""Spreads of the reference that a column must move by, whatever its significance."""

N_SHUFFLES = 200
N_SHUFFLED = 24
"""Columns that are shuffled, so many times each; what they give is pooled."""

_QUANTILES = (np.arange(64) + 0.5) / 64

_UNITS = {"dc": 0.005, "bandwidth_hz": 250.0, "dropouts": 0.2}
_UNITS |= dict.fromkeys(("clipped", "silent", "holes", "flat_topped"), 0.01)
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

    def moved(self, rate: float) -> bool:
        """Whether it moved significantly at a false discovery rate, and far enough to act on."""
        return self.q <= rate and self.effect >= LEAST_EFFECT

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def table_of(sample: Sample) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return all that is compared column by column, shape (n, k), and its names.

    The standard row, the sound's quality, how unlike the training sound it is, and the confidence or the number
    answered.
    """
    answer = sample.confidence if sample.classes else sample.answers[:, 0]
    names = (*sample.columns, *QUALITY_COLUMNS, "novelty", "confidence" if sample.classes else "answer")
    table = np.column_stack([sample.rows, sample.quality, sample.novelty, answer]).astype(np.float32)
    return table, names


def feature_drift(
    values: NDArray[np.float32], names: Sequence[str], groups: NDArray[np.str_], dealt: NDArray[np.bool_]
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
    window = dealt[:, 0]
    gaps = np.concatenate([_gaps(column, dealt[:, :1]) for column in values.T])
    shuffled = np.stack([_gaps(column, dealt[:, 1 : 1 + N_SHUFFLES]) for column in values.T[_varied(values)]])
    root = float(np.sqrt(window.sum() * (~window).sum() / len(window)))
    p, p_apart = (
        _p(one, shuffled, root) for one in (gaps * np.sqrt(effective_size_ratio(values, groups, window)), gaps)
    )
    q = false_discovery_control(p)
    reference, live = values[~window], values[window]
    before, after = np.median(reference, axis=0), np.median(live, axis=0)
    found = {
        "gap": gaps,
        "effect": _moved(reference, live) / _spreads(reference, names),
        "before": before,
        "after": after,
        "p": p,
        "q": q,
        "p_apart": p_apart,
    }
    return tuple(
        FeatureDrift(name, **{number: float(each[i]) for number, each in found.items()}) for i, name in enumerate(names)
    )


def _p(observed: NDArray[np.float64], shuffled: NDArray[np.float64], root: float) -> NDArray[np.float64]:
    """Return p-values; beyond what any shuffle reached, by the tail of Kolmogorov's distribution."""
    p = p_values(observed, shuffled)
    beyond = observed > shuffled.max(initial=0.0)
    p[beyond] = np.minimum(p[beyond], kstwobign.sf(observed[beyond] * root))
    return p


def _gaps(column: NDArray[np.float32], dealt: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the Kolmogorov-Smirnov distance of window and reference in every shuffle, shape (n_shuffles,)."""
    order = np.argsort(column, kind="stable")
    ranked = column[order]
    last = np.append(np.flatnonzero(ranked[1:] > ranked[:-1]), len(column) - 1)  # of each run of equal values
    n, n_window = len(column), int(dealt[:, 0].sum())
    counts = np.cumsum(dealt[order], axis=0, dtype=np.int32)
    if last.size < n:
        counts = counts[last]
    away = counts - ((last + 1) * (n_window / n)).astype(np.float32)[:, None]
    return np.asarray(np.abs(away, out=away).max(axis=0), np.float64) * (n / (n_window * (n - n_window)))


def _varied(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return columns that are as good as continuous, evenly spread; any, where none is."""
    kinds = np.array([np.unique(column).size for column in values.T])
    found = np.flatnonzero(kinds > len(values) / 2)
    found = found if found.size else np.arange(len(kinds))
    return np.asarray(found[np.unique(np.linspace(0, found.size - 1, N_SHUFFLED).round().astype(np.intp))])


def _moved(reference: NDArray[np.float32], live: NDArray[np.float32]) -> NDArray[np.float64]:
    quantiles = [np.quantile(side, _QUANTILES, axis=0) for side in (reference, live)]
    return np.asarray(np.abs(quantiles[0] - quantiles[1]).mean(axis=0), np.float64)


def _spreads(reference: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
    least = [_UNITS.get(name, 1.0) if name in QUALITY_COLUMNS else 1e-6 for name in names]
    return np.asarray(np.maximum(reference.std(axis=0, dtype=np.float64), least))
