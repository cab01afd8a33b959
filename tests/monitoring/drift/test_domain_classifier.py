"""Multivariate drift: AUC, intervals, folds, and groups."""

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import roc_auc_score

from auricle.monitoring.drift import domain_classifier
from auricle.monitoring.drift.domain_classifier import domain_classifier_auc, multivariate_drift
from auricle.monitoring.drift.resampling import permutation_masks


def found(values, n_window, groups=None, n_shuffles=199):
    n = len(values)
    groups = np.arange(n).astype(str) if groups is None else groups
    return multivariate_drift(
        values.astype(np.float32),
        groups,
        permutation_masks(n - n_window, n_window, n_shuffles=n_shuffles, seed=0),
        seed=0,
    )


def test_small_shift_of_all_columns_is_detected(rng):
    values = rng.normal(size=(600, 30))
    values[300:] += 0.25
    drift = found(values, 300)
    assert drift.auc > 0.75
    assert drift.p <= 0.005
    assert drift.p_distance <= 0.005
    assert drift.interval[0] < drift.auc < drift.interval[1]
    assert drift.interval[0] > 0.5
    assert drift.drifted(0.01)


def test_no_shift_gives_auc_one_half(rng):
    drift = found(rng.normal(size=(400, 30)), 200)
    assert drift.auc == pytest.approx(0.5, abs=0.08)
    assert not drift.drifted(0.01)


def test_scale_change_is_detected_by_mmd(rng):
    values = rng.normal(size=(600, 10))
    values[300:] *= 2.0
    drift = found(values, 300)
    assert drift.p_distance <= 0.005


def test_groups_are_never_in_two_folds(rng):
    groups = np.repeat(np.arange(13), rng.integers(1, 20, 13)).astype(str)
    folds = domain_classifier._folds(groups, rng)
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    assert len(set(folds)) == domain_classifier.N_FOLDS


def test_auc_matches_scikit_learn(rng):
    scores = np.round(rng.normal(size=(50, 3)), 1).astype(np.float32)
    masks = permutation_masks(30, 20, n_shuffles=2, seed=0)
    expected = [roc_auc_score(side, score) for side, score in zip(masks.T, scores.T, strict=True)]
    np.testing.assert_allclose(domain_classifier._aucs(scores, masks), expected)


def test_single_group_is_not_significant(rng):
    groups = np.concatenate([np.repeat(np.arange(20), 10), np.full(200, 99)]).astype(str)
    values = np.concatenate([np.repeat(rng.normal(size=(20, 5)), 10, axis=0), np.tile(rng.normal(size=5), (200, 1))])
    drift = found(values + 0.1 * rng.normal(size=values.shape), 200, groups)
    alone = found(values + 0.1 * rng.normal(size=values.shape), 200, np.arange(400).astype(str))
    assert alone.p < 0.02 < drift.p


def test_auc_alone_matches_the_test(rng):
    values = rng.normal(size=(200, 8)).astype(np.float32)
    values[100:] += 0.5
    groups, window = np.arange(200).astype(str), np.arange(200) >= 100
    assert domain_classifier_auc(values, groups, window, seed=0) == pytest.approx(
        found(values, 100, n_shuffles=9).auc, abs=0.03
    )


def test_interval_over_few_groups_matches_student(rng):
    scores, window = rng.normal(size=200).astype(np.float32), np.arange(200) >= 100
    members = np.arange(200) // 50
    scores += 0.5 * (members % 2)
    low, high = domain_classifier._interval(scores, members.astype(str), window)
    places = (
        (scores[window, None] > scores[~window]).mean(axis=1),
        (scores[~window, None] > scores[window]).mean(axis=1),
    )
    off = [(place - place.mean()).reshape(2, 50).sum(axis=1) / 100 for place in places]
    assert high - low == pytest.approx(2 * t.ppf(0.975, 3) * np.sqrt(np.square(off).sum() * 4 / 3))


def test_single_group_is_split_in_the_interval(rng):
    scores, window = rng.normal(size=200).astype(np.float32), np.arange(200) >= 100
    apart = domain_classifier._interval(scores, np.arange(200).astype(str), window)
    assert apart[1] - apart[0] > 0.1
    for groups in (np.where(window, "here", "there"), np.full(200, "one")):
        assert domain_classifier._interval(scores, groups, window) == pytest.approx(apart)
