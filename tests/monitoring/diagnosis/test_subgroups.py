"""Audio quality by subgroup: each value is compared with its own past, and values without one are not tested."""

from dataclasses import replace

import numpy as np
import pytest

from auricle.monitoring.diagnosis.subgroups import (
    MAX_SUBGROUPS,
    MIN_IN_SUBGROUP,
    compare_subgroups,
    quality_shift,
)
from auricle.monitoring.drift.feature_drift import feature_drift
from auricle.monitoring.drift.resampling import permutation_masks

START = np.datetime64("2026-03-01", "us")


def at_sites(sample, sites, *, quieter_db=0.0, where="north"):
    quality = sample.quality.copy()
    quality[sites == where, 0] -= quieter_db
    return replace(sample, quality=quality, metadata={"site": sites})


def alternating(n):
    return np.array(["north", "south"])[np.arange(n) % 2]


def compared(reference, window):
    return compare_subgroups(reference, window, "site", rate=0.01, model_rate_hz=16_000, seed=0)


def test_a_place_that_was_always_quieter_has_not_changed(make_sample):
    reference, window = make_sample(300), make_sample(200, 1)
    quiet = [at_sites(sample, alternating(len(sample)), quieter_db=9.0) for sample in (reference, window)]
    assert [(part.value, part.against, part.faults) for part in compared(*quiet).tested] == [
        ("north", "training", ()),
        ("south", "training", ()),
    ]
    changed = at_sites(window, alternating(200), quieter_db=18.0)
    north, south = compared(quiet[0], changed).tested
    assert [fault.kind for fault in north.faults] == ["level"]
    assert not south.faults


def test_a_place_that_training_never_had_is_compared_with_its_first_half(make_sample):
    times = START + np.arange(200) * np.timedelta64(1, "h")
    window = at_sites(make_sample(200, 1, times=times), alternating(200), quieter_db=12.0)
    found = compared(make_sample(300), window)
    assert [(part.value, part.against, part.faults) for part in found.tested] == [
        ("north", "past", ()),
        ("south", "past", ()),
    ]
    late = np.where(np.arange(200) >= 100, alternating(200), "")
    moved = replace(at_sites(window, late, quieter_db=15.0), metadata=window.metadata)
    north, south = compared(make_sample(300), moved).tested
    assert ([fault.kind for fault in north.faults], south.faults) == (["level"], ())


def test_a_place_without_a_past_is_new_and_small_ones_are_counted(make_sample):
    sites = np.array(["north"] * 60 + ["south"] * (90 - MIN_IN_SUBGROUP + 1) + ["west"] * (MIN_IN_SUBGROUP - 1))
    window = at_sites(make_sample(150, 1), sites, quieter_db=15.0)
    found = compared(make_sample(300), window)
    assert (found.tested, found.new, found.n_small, found.n_beyond) == ((), ("north", "south"), 1, 0)


@pytest.mark.parametrize("times", ["equal", "backwards", "missing"])
def test_times_of_any_kind_are_taken(make_sample, times):
    at = {
        "equal": np.full(200, START),
        "backwards": START - np.arange(200) * np.timedelta64(1, "h"),
        "missing": np.full(200, np.datetime64("NaT", "us")),
    }[times]
    found = compared(make_sample(300), at_sites(make_sample(200, 1, times=at), alternating(200)))
    assert len(found.tested) == (2 if times == "backwards" else 0)
    assert not any(part.faults for part in found.tested)


def test_a_column_of_a_thousand_values_is_bounded(make_sample):
    window = at_sites(make_sample(1000, 1), np.arange(1000).astype(str))
    found = compared(make_sample(300), window)
    assert (found.tested, found.new, found.n_small) == ((), (), 1000)
    many = make_sample(60 * MIN_IN_SUBGROUP, 1)
    window = at_sites(many, (np.arange(len(many)) % 60).astype(str))
    assert compared(make_sample(300), window).n_beyond == 60 - MAX_SUBGROUPS


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
