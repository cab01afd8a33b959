"""Feature drift: agreement with scipy, false alarms, and minimum effects."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from auricle.monitoring.drift.feature_drift import MIN_EFFECT, drift_table, feature_drift
from auricle.monitoring.drift.resampling import permutation_masks

NAMES = tuple("abcdef")


def drift(values, n_window, groups=None, seed=0):
    n = len(values)
    groups = np.arange(n).astype(str) if groups is None else groups
    return feature_drift(
        values.astype(np.float32), NAMES, groups, permutation_masks(n - n_window, n_window, n_shuffles=200, seed=seed)
    )


def test_distances_match_scipy(rng):
    values = rng.normal(size=(300, 6))
    values[200:, 0] += 1.0
    values[:, 1] = np.round(values[:, 1])
    found = drift(values, 100)
    for column, one in zip(values.T.astype(np.float32), found, strict=True):
        assert one.gap == pytest.approx(ks_2samp(column[200:], column[:200]).statistic, abs=1e-6)
        distance = wasserstein_distance(column[200:], column[:200]) / column[:200].std()
        assert one.effect == pytest.approx(distance, abs=0.05)
    assert found[0].after - found[0].before == pytest.approx(1.0, abs=0.3)


def test_p_values_match_the_exact_test(rng):
    values = rng.normal(size=(300, 6))
    values[200:, 0] += 0.35
    found = drift(values, 100)
    assert found[0].p == pytest.approx(ks_2samp(values[200:, 0], values[:200, 0]).pvalue, rel=0.5, abs=0.002)


def test_q_values_match_benjamini_hochberg(rng):
    values = rng.normal(size=(300, 6))
    values[200:] += np.linspace(0.0, 0.5, 6)
    found = sorted(drift(values, 100), key=lambda one: one.p)
    raised = [one.p * len(found) / rank for rank, one in enumerate(found, 1)]
    expected = [min(1.0, *raised[rank:]) for rank in range(len(found))]
    assert [one.q for one in found] == pytest.approx(expected)


@pytest.mark.parametrize(("n_reference", "n_window"), [(60, 300), (300, 60), (60, 60)])
def test_false_alarm_rate_without_drift(n_reference, n_window):
    moved = 0
    for seed in range(30):
        values = np.random.default_rng(seed).normal(size=(n_reference + n_window, 6))
        moved += any(one.drifted(0.05) for one in drift(values, n_window, seed=seed))
    assert moved <= 4


def test_small_effect_is_no_drift(rng):
    values = rng.normal(size=(9000, 6))
    values[4000:, 2] += 0.15
    found = drift(values, 5000)
    assert found[2].q < 0.01
    assert found[2].effect < MIN_EFFECT
    assert not found[2].drifted(0.01)


def test_one_microphone_is_no_drift(rng):
    groups = np.concatenate([np.repeat(np.arange(30), 5), np.full(150, 99)]).astype(str)
    values = np.concatenate([np.repeat(rng.normal(size=(30, 6)), 5, axis=0), np.tile(rng.normal(size=6) + 1, (150, 1))])
    values += 0.2 * rng.normal(size=values.shape)
    found = drift(values, 150, groups)
    assert min(one.p for one in drift(values, 150, np.arange(300).astype(str))) < 0.001
    assert not any(one.drifted(0.01) for one in found)


def test_constant_column_has_no_drift(rng):
    values = rng.normal(size=(120, 6))
    values[:, 3] = 0.0
    one = drift(values, 60)[3]
    assert (one.gap, one.effect) == (0.0, 0.0)
    assert not one.drifted(0.01)


def test_drift_table_columns(make_sample):
    sample = make_sample(12)
    table, names = drift_table(sample)
    assert table.shape == (12, len(names))
    assert names[-2:] == ("novelty", "confidence")
    np.testing.assert_array_equal(table[:, names.index("level_db")], sample.measure("level_db"))
