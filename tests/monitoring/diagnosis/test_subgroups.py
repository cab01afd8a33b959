"""Audio quality by subgroup: only large subgroups are tested, each on its own."""

from dataclasses import replace

import numpy as np

from auricle.monitoring.diagnosis.subgroups import MIN_IN_SUBGROUP, compare_subgroups, quality_shift
from auricle.monitoring.drift.feature_drift import feature_drift
from auricle.monitoring.drift.resampling import permutation_masks


def test_each_large_subgroup_is_tested_on_its_own(make_sample):
    window = make_sample(150, 1)
    site = np.array(["north"] * 60 + ["south"] * (90 - MIN_IN_SUBGROUP + 1) + ["west"] * (MIN_IN_SUBGROUP - 1))
    quality = window.quality.copy()
    quality[site == "north", 0] -= 15.0
    window = replace(window, quality=quality, metadata={"site": site})
    north, south = compare_subgroups(make_sample(300), window, "site", rate=0.01, model_rate_hz=16_000, seed=0)
    assert (north.value, north.n, [fault.kind for fault in north.faults]) == ("north", 60, ["level"])
    assert (south.value, south.faults) == ("south", ())


def test_lower_sample_rates_are_counted(make_sample):
    reference, window = make_sample(100), make_sample(100, 1)
    rates_hz = np.where(np.arange(100) < 60, 8000, 16_000)
    rates_hz[:10], rates_hz[90:] = 0, 4000  # unknown, and a rarer lower rate
    masks = permutation_masks(100, 100, n_shuffles=9, seed=0)
    names = ("level_db",) * reference.quality.shape[1]
    both = np.concatenate([reference.quality, window.quality])
    columns = feature_drift(both, names, np.concatenate([reference.groups, window.groups]), masks)
    shift = quality_shift(columns, replace(window, rates_hz=rates_hz), rate=0.01, model_rate_hz=16_000)
    assert (shift.lower_rate, shift.rate_hz) == (0.6, (8000, 16_000))
