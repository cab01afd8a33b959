"""Feature drift: which single features and quality measures have shifted, by how much, and how significantly.

Each column is compared on its own. The Kolmogorov-Smirnov (KS) distance between reference and window decides the
significance; the Wasserstein distance, in standard deviations of the reference, says how far the column moved.

Conventions: reference and window are stacked, the reference first, into float32 columns of shape (n, k). ``masks`` are
permutation masks, bool, shape (n, 1 + n_shuffles); column 0 is the observed assignment. p-values come from
permutations, corrected for groups by the effective sample size, and q-values from Benjamini and Hochberg over all
columns.

Metric: :func:`feature_drift`. Drift needs a q-value below the rate and an effect of at least ``MIN_EFFECT``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, kstwobign

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.drift.resampling import effective_size_ratio, p_values
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_EFFECT", "FeatureDrift", "drift_table", "feature_drift"]

MIN_EFFECT = 0.3
"""Smallest effect that counts as drift, in standard deviations of the reference, whatever its significance."""

N_SHUFFLES = 200
N_POOLED_COLUMNS = 24
"""Columns that are permuted, ``N_SHUFFLES`` times each; their distances are pooled."""

_QUANTILES = (np.arange(64) + 0.5) / 64

_MIN_SCALES = {"dc": 0.005, "bandwidth_hz": 250.0, "dropouts": 0.2}
_MIN_SCALES |= dict.fromkeys(("clipped", "silent", "holes", "flat_topped"), 0.01)
"""Smallest standard deviation of a quality measure, for references that hardly vary; 1 for measures in decibels."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """Shift of one column between reference and window.

    Parameters
    ----------
    name : str
        Feature or quality measure.
    gap : float
        Kolmogorov-Smirnov distance, 0 to 1.
    effect : float
        Wasserstein distance, in standard deviations of the reference.
    before, after : float
        Medians of reference and window.
    p, q : float
        p-value, and q-value among all columns.
    """

    name: str
    gap: float
    effect: float
    before: float
    after: float
    p: float
    q: float

    def drifted(self, rate: float) -> bool:
        """Whether the shift is significant at a false discovery rate, and at least ``MIN_EFFECT``."""
        return self.q <= rate and self.effect >= MIN_EFFECT


def drift_table(sample: Sample) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return the columns that drift tests compare, float32, shape (n, k), and their names.

    The columns are the standard feature row, the audio quality, the novelty, and the confidence or the predicted
    number.
    """
    prediction = sample.confidence if sample.classes else sample.outputs[:, 0]
    names = (*sample.columns, *QUALITY_COLUMNS, "novelty", "confidence" if sample.classes else "answer")
    table = np.column_stack([sample.rows, sample.quality, sample.novelty, prediction]).astype(np.float32)
    return table, names


def feature_drift(
    values: NDArray[np.float32], names: Sequence[str], groups: NDArray[np.str_], masks: NDArray[np.bool_]
) -> tuple[FeatureDrift, ...]:
    """Compare every column of reference and window.

    Without drift, KS distances of continuous columns share one distribution, so that permutations of a few columns
    serve all. A column with many equal values is tested conservatively.

    Parameters
    ----------
    values : float32, shape (n, k)
        Finite columns.
    names : sequence of str, length k
    groups : str, shape (n,)
    masks : bool, shape (n, 1 + n_shuffles)
        From :func:`~auricle.monitoring.drift.resampling.permutation_masks`.
    """
    window = masks[:, 0]
    distances = np.concatenate([_ks_distances(column, masks[:, :1]) for column in values.T])
    shuffled = np.stack(
        [_ks_distances(column, masks[:, 1 : 1 + N_SHUFFLES]) for column in values.T[_continuous_columns(values)]]
    )
    root_n = float(np.sqrt(window.sum() * (~window).sum() / len(window)))
    p = _tail_p_values(distances * np.sqrt(effective_size_ratio(values, groups, window)), shuffled, root_n)
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
    }
    return tuple(
        FeatureDrift(name, **{statistic: float(columns[i]) for statistic, columns in found.items()})
        for i, name in enumerate(names)
    )


def _tail_p_values(observed: NDArray[np.float64], shuffled: NDArray[np.float64], root_n: float) -> NDArray[np.float64]:
    """Return permutation p-values; beyond the largest permuted distance, by the tail of Kolmogorov's distribution."""
    p = p_values(observed, shuffled)
    beyond = observed > shuffled.max(initial=0.0)
    p[beyond] = np.minimum(p[beyond], kstwobign.sf(observed[beyond] * root_n))
    return p


def _ks_distances(column: NDArray[np.float32], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the KS distance of window and reference in every permutation, shape (n_shuffles,)."""
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
    """Return the indices of columns with few equal values, evenly spaced; of all columns, where there are none."""
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
