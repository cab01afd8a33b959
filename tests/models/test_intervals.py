import numpy as np
import pytest
from scipy.special import softmax

from auricle.models.intervals import class_thresholds, half_width


def test_the_interval_covers_as_often_as_it_promises(rng):
    covered = [
        np.abs(new) <= half_width(errors) for errors, new in ((rng.normal(size=60), rng.normal()) for _ in range(2000))
    ]
    assert np.mean(covered) == pytest.approx(0.9, abs=0.025)


def test_a_literal_example():
    # Of ten recordings, nine tenths of eleven is the tenth smallest error: the largest.
    assert half_width(np.array([1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 9.0, -10.0])) == 10.0


def test_too_few_recordings_promise_nothing():
    assert half_width(np.ones(8)) is None
    assert half_width(np.ones(9)) == 1.0


def answers(n, rng, *, shares=(0.5, 0.3, 0.2)):
    truth = rng.choice(3, n, p=shares)
    logits = rng.normal(size=(n, 3)) + 2.0 * np.eye(3)[truth]
    return softmax(logits, axis=1), truth


def test_sets_cover_every_class_as_often_as_they_promise(rng):
    covered = [[], [], []]
    for _ in range(600):
        thresholds, per_class = class_thresholds(*answers(120, rng))
        assert per_class
        probabilities, truth = answers(20, rng)
        for row, right in zip(probabilities, truth, strict=True):
            covered[right].append(row[right] >= thresholds[right])
    # The rarest class has about 24 recordings, of which a whole number lies below the threshold.
    assert np.mean(covered[0]) == pytest.approx(0.905, abs=0.02)
    assert all(0.88 < np.mean(one) < 0.95 for one in covered)


def test_sets_for_each_class_are_refused_where_one_has_few_recordings(rng):
    probabilities, truth = answers(100, rng)
    truth[truth == 2] = 1
    truth[:8] = 2
    thresholds, per_class = class_thresholds(probabilities, truth)
    assert not per_class
    assert len(set(thresholds)) == 1


def test_a_handful_of_recordings_promises_no_set(rng):
    assert class_thresholds(*answers(8, rng)) is None
