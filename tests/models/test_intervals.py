import numpy as np
import pytest
from scipy.special import softmax

from auricle.models.intervals import class_thresholds, half_width


def test_interval_has_the_requested_coverage(rng):
    covered = [
        np.abs(new) <= half_width(errors) for errors, new in ((rng.normal(size=60), rng.normal()) for _ in range(2000))
    ]
    assert np.mean(covered) == pytest.approx(0.9, abs=0.025)


def test_a_literal_example():
    # Of ten recordings, nine tenths of eleven is the tenth smallest error: the largest.
    assert half_width(np.array([1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 9.0, -10.0])) == 10.0


def test_too_few_recordings_give_no_interval():
    assert half_width(np.ones(8)) is None
    assert half_width(np.ones(9)) == 1.0


def out_of_fold_probabilities(n, rng, *, shares=(0.5, 0.3, 0.2)):
    truth = rng.choice(3, n, p=shares)
    logits = rng.normal(size=(n, 3)) + 2.0 * np.eye(3)[truth]
    return softmax(logits, axis=1), truth


def test_prediction_sets_have_the_requested_coverage_per_class(rng):
    covered = [[], [], []]
    for _ in range(600):
        thresholds, per_class = class_thresholds(*out_of_fold_probabilities(120, rng))
        assert per_class
        probabilities, truth = out_of_fold_probabilities(20, rng)
        for row, right in zip(probabilities, truth, strict=True):
            covered[right].append(row[right] >= thresholds[right])
    # The rarest class has about 24 recordings, of which a whole number lies below the threshold.
    assert np.mean(covered[0]) == pytest.approx(0.905, abs=0.02)
    assert all(0.88 < np.mean(one) < 0.95 for one in covered)


def test_few_recordings_of_a_class_give_marginal_coverage(rng):
    probabilities, truth = out_of_fold_probabilities(100, rng)
    truth[truth == 2] = 1
    truth[:8] = 2
    thresholds, per_class = class_thresholds(probabilities, truth)
    assert not per_class
    assert len(set(thresholds)) == 1


def test_too_few_recordings_give_no_set(rng):
    assert class_thresholds(*out_of_fold_probabilities(8, rng)) is None
