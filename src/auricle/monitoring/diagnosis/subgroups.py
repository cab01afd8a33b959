"""Audio quality by subgroup: the values of one metadata column, each compared with the training data on its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.diagnosis.fault_rules import Fault, QualityShift, match_faults
from auricle.monitoring.drift.feature_drift import FeatureDrift, feature_drift
from auricle.monitoring.drift.resampling import permutation_masks
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_IN_SUBGROUP", "Subgroup", "compare_subgroups", "quality_shift"]

MIN_IN_SUBGROUP = 20
"""Fewest recordings of a subgroup that is tested."""
MAX_SUBGROUPS = 50
N_SHUFFLES = 200


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Recordings that share one value of a metadata column.

    Parameters
    ----------
    value : str
        Value of the column.
    n : int
        Number of recordings.
    columns : tuple of FeatureDrift
        Drift of each quality measure within the subgroup.
    faults : tuple of Fault
        Faults that match this drift.
    """

    value: str
    n: int
    columns: tuple[FeatureDrift, ...]
    faults: tuple[Fault, ...]


def compare_subgroups(
    reference: Sample, window: Sample, by: str, *, rate: float, model_rate_hz: int, seed: int
) -> tuple[Subgroup, ...]:
    """Test the audio quality of each subgroup against the training data, at a rate that all subgroups share.

    Parameters
    ----------
    by : str
        Column of the window's metadata.
    rate : float
        False alarm rate over all subgroups.
    model_rate_hz : int
        Sample rate that the model resamples to.
    """
    values, counts = np.unique(window.metadata[by], return_counts=True)
    large = [str(v) for v in values[np.argsort(-counts, kind="stable")][:MAX_SUBGROUPS]]
    kept = sorted(v for v in large if counts[values == v][0] >= MIN_IN_SUBGROUP)
    found = []
    for value in kept:
        part = window.subset(window.metadata[by] == value)
        both = np.concatenate([reference.quality, part.quality])
        groups = np.concatenate([reference.groups, part.groups])
        masks = permutation_masks(len(reference), len(part), n_shuffles=N_SHUFFLES, seed=seed)
        columns = feature_drift(both, QUALITY_COLUMNS, groups, masks)
        faults = match_faults(quality_shift(columns, part, rate=rate / len(kept), model_rate_hz=model_rate_hz))
        found.append(Subgroup(value, len(part), columns, faults))
    return tuple(found)


def quality_shift(columns: Sequence[FeatureDrift], window: Sample, *, rate: float, model_rate_hz: int) -> QualityShift:
    """Return the shifts of the quality measures, and of the sample rate, that the fault rules read."""
    low = window.rates_hz[(window.rates_hz > 0) & (window.rates_hz < model_rate_hz)]
    most_common_hz = int(np.bincount(low).argmax()) if low.size else 0
    return QualityShift(
        {column.name: column for column in columns},
        rate=rate,
        lower_rate=low.size / len(window),
        rate_hz=(most_common_hz, model_rate_hz),
    )
