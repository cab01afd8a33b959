"""Change points: detection, dating, and times that allow none."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from auricle.monitoring.diagnosis.change_point import change_point

START = np.datetime64("2026-03-01T00:00", "us")


def hours(n):
    return START + np.arange(n) * np.timedelta64(1, "h")


@pytest.mark.parametrize("n_before", [15, 60, 150])
def test_change_point_is_found(n_before, rng):
    values = rng.normal(size=200)
    values[n_before:] -= 4.0
    order = rng.permutation(200)
    found = change_point(hours(200)[order], values[order], rng.normal(size=300))
    assert abs(found - datetime(2026, 3, 1, tzinfo=UTC) - timedelta(hours=n_before)) <= timedelta(hours=2)


def test_no_change_has_no_change_point():
    found = [change_point(hours(100), np.random.default_rng(s).normal(size=100), np.zeros(9)) for s in range(40)]
    assert sum(one is not None for one in found) <= 1


def test_shift_from_the_start_has_no_change_point(rng):
    values = rng.normal(size=100) - 8.0
    values[50:] -= 3.0
    assert change_point(hours(100), values, rng.normal(size=100)) is None


@pytest.mark.parametrize("times", [np.full(100, START), np.full(100, np.datetime64("NaT", "us"))])
def test_constant_or_missing_times_have_no_change_point(times, rng):
    values = rng.normal(size=100)
    values[50:] += 9.0
    assert change_point(times, values, rng.normal(size=100)) is None


def test_few_recordings_or_constant_values_have_no_change_point(rng):
    assert change_point(hours(15), np.arange(15.0), rng.normal(size=100)) is None
    assert change_point(hours(50), np.zeros(50), np.zeros(50)) is None
