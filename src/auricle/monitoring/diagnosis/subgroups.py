"""Audio quality by subgroup: each value of a metadata column (a place, a device) compared with its own past.

A place that was always quieter has not changed. So each value is compared with the same value of the training data; one
that the training data never had, with the first half of its own recordings, by time. One without either is new, which
is no change.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.diagnosis.fault_rules import Fault, QualityShift, match_faults
from auricle.monitoring.drift.feature_drift import FeatureDrift, feature_drift
from auricle.monitoring.drift.resampling import permutation_masks
from auricle.monitoring.sources.sample import Sample
from auricle.monitoring.sources.units import independent_units

__all__ = [
    "MIN_IN_SUBGROUP",
    "Against",
    "Subgroup",
    "Subgroups",
    "compare_subgroups",
    "quality_shift",
    "subgroup_sides",
]

MIN_IN_SUBGROUP: Final = 20
"""Fewest recordings on either side of a subgroup that is tested."""
MAX_SUBGROUPS: Final = 50
N_SHUFFLES: Final = 200

Against: TypeAlias = Literal["training", "past"]


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Recordings that share one value of a metadata column.

    Parameters
    ----------
    value : str
        Value of the column.
    n : int
        Number of recordings.
    against : {"training", "past"}
        What they are compared with: the same value in the training data, or the first half of themselves.
    columns : tuple of FeatureDrift
        Drift of each quality measure within the subgroup.
    faults : tuple of Fault
        Faults that match this drift.
    """

    value: str
    n: int
    against: Against
    columns: tuple[FeatureDrift, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Subgroups:
    """All values of a column: those tested, and those that could not be.

    Parameters
    ----------
    tested : tuple of Subgroup
        In alphabetical order.
    new : tuple of str
        Large enough, but without recordings to compare with.
    n_small : int
        Values with fewer than ``MIN_IN_SUBGROUP`` recordings.
    n_beyond : int
        Values beyond the ``MAX_SUBGROUPS`` largest.
    """

    tested: tuple[Subgroup, ...] = ()
    new: tuple[str, ...] = ()
    n_small: int = 0
    n_beyond: int = 0


def compare_subgroups(
    reference: Sample, window: Sample, by: str, *, rate: float, model_rate_hz: int, seed: int
) -> Subgroups:
    """Test the audio quality of each subgroup against its own past, at a rate that all subgroups share.

    Parameters
    ----------
    reference, window : Sample
    by : str
        Column of the window's metadata.
    rate : float
        False alarm rate over all subgroups.
    model_rate_hz : int
        Sample rate that the model resamples to.
    seed : int
        Of the permutations.
    """
    values, counts = np.unique(window.metadata[by], return_counts=True)
    ranked = [str(value) for value in values[np.argsort(-counts, kind="stable")]]
    n_large = int((counts >= MIN_IN_SUBGROUP).sum())
    large = sorted(ranked[: min(n_large, MAX_SUBGROUPS)])
    sides = {value: subgroup_sides(reference, window, by, value) for value in large}
    comparable = {value: found for value, found in sides.items() if found is not None}
    tested = []
    for value, (before, after, against) in comparable.items():
        both = np.concatenate([before.quality, after.quality])
        groups = np.concatenate([_units(before, "r"), _units(after, "w")])
        masks = permutation_masks(len(before), len(after), n_shuffles=N_SHUFFLES, seed=seed)
        columns = feature_drift(both, QUALITY_COLUMNS, groups, masks)
        shift = quality_shift(columns, after, rate=rate / len(comparable), model_rate_hz=model_rate_hz)
        n = int((window.metadata[by] == value).sum())
        tested.append(Subgroup(value, n, against, columns, match_faults(shift)))
    return Subgroups(
        tuple(tested),
        new=tuple(value for value in large if value not in comparable),
        n_small=len(values) - n_large,
        n_beyond=n_large - len(large),
    )


def quality_shift(
    columns: tuple[FeatureDrift, ...], window: Sample, *, rate: float, model_rate_hz: int
) -> QualityShift:
    """Return the shifts of the quality measures, and of the sample rate, that the fault rules read."""
    low = window.rates_hz[(window.rates_hz > 0) & (window.rates_hz < model_rate_hz)]
    most_common_hz = int(np.bincount(low).argmax()) if low.size else 0
    return QualityShift(
        {column.name: column for column in columns},
        rate=rate,
        lower_rate=low.size / len(window),
        rate_hz=(most_common_hz, model_rate_hz),
    )


def subgroup_sides(reference: Sample, window: Sample, by: str, value: str) -> tuple[Sample, Sample, Against] | None:
    """Return a subgroup's recordings before and now, and where those before are from; None without a past."""
    now = window.subset(window.metadata[by] == value)
    if by in reference.metadata:
        before = reference.subset(reference.metadata[by] == value)
        if len(before) >= MIN_IN_SUBGROUP:
            return before, now, "training"
    timed = now.subset(~np.isnat(now.times))
    order = np.argsort(timed.times, kind="stable")
    half = len(order) // 2
    if half < MIN_IN_SUBGROUP or timed.times[order[0]] == timed.times[order[-1]]:
        return None
    return timed.subset(order[:half]), timed.subset(order[half:]), "past"


def _units(sample: Sample, side: str) -> NDArray[np.str_]:
    return np.char.add(side, independent_units(replace(sample, groups=np.full(len(sample), ""))).labels)
