import numpy as np
import pytest

from auricle.models.intervals import half_width


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
