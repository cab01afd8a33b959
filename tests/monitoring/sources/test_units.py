"""Independent units: single recordings, blocks of time, and sources."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auricle.monitoring.sources.units import independent_units, knows_sources

START = np.datetime64("2026-03-01", "us")


def logged(sample, every_s, **arrays):
    times = START + np.arange(len(sample)) * np.timedelta64(round(1e6 * every_s), "us")
    return replace(sample, groups=np.full(len(sample), ""), times=times, **arrays)


def with_level(sample, level_db):
    quality = sample.quality.copy()
    quality[:, 0] += level_db
    return replace(sample, quality=quality)


def test_recordings_without_order_are_units_of_their_own(make_sample):
    found = independent_units(make_sample(200))
    assert (found.n, found.recordings_per_unit, found.duration_s, found.n_sources) == (200, 1, None, None)


def test_a_log_is_cut_into_minutes(make_sample):
    found = independent_units(logged(make_sample(200), 10.0))
    assert (found.recordings_per_unit, found.n, found.n_sources) == (6, 34, None)
    assert found.duration_s == pytest.approx(60.0)


@pytest.mark.parametrize("every_s", [0.0, 0.02, 1.0])
def test_a_burst_says_nothing_of_time(make_sample, every_s):
    assert independent_units(logged(make_sample(200), every_s)).n == 200


def test_blocks_are_longer_where_recordings_follow_a_rhythm(make_sample):
    hours = np.linspace(0, 7 * 24, 400)
    sample = with_level(logged(make_sample(400), 1512.0), 8.0 * np.sin(2 * np.pi * hours / 24))
    found = independent_units(sample)
    assert found.recordings_per_unit >= 8
    assert 3600 < found.duration_s < 24 * 3600
    backwards = replace(sample, times=sample.times[::-1].copy()).subset(np.arange(400)[::-1])
    assert independent_units(backwards).recordings_per_unit == found.recordings_per_unit


def test_a_fault_that_begins_and_recordings_sorted_by_class_are_no_rhythm(make_sample):
    sample = make_sample(200)
    assert independent_units(with_level(sample, np.where(np.arange(200) < 90, 0.0, -20.0))).n == 200
    by_class = sample.subset(np.argsort(sample.predicted, kind="stable"))
    assert independent_units(with_level(by_class, 30.0 * by_class.predicted)).n == 200


def test_blocks_do_not_reach_over_sources(make_sample):
    walk = np.cumsum(np.random.default_rng(0).normal(size=400)) * 3
    sample = replace(with_level(make_sample(400), walk), groups=np.repeat(["a", "b"], 200))
    found = independent_units(sample)
    assert found.n_sources == 2
    assert found.recordings_per_unit > 1
    assert not set(found.labels[:200]) & set(found.labels[200:])


@pytest.mark.parametrize(
    ("groups", "knows"), [("one", True), ("", False), ("different", False), ("two", True), ("some", True)]
)
def test_who_knows_the_sources(make_sample, groups, knows):
    named = {
        "one": np.full(60, "mic"),
        "": np.full(60, ""),
        "different": np.arange(60).astype(str),
        "two": np.repeat(["a", "b"], 30),
        "some": np.repeat(["", "b"], 30),
    }[groups]
    sample = make_sample(60, groups=named)
    assert knows_sources(sample) == knows
    assert (independent_units(sample).n_sources is not None) == knows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # a maker, without a state
@given(n=st.integers(0, 120), seed=st.integers(0, 2**31), times=st.sampled_from(["equal", "missing", "some", "random"]))
def test_every_recording_is_in_one_unit_whatever_the_times(make_sample, n, seed, times):
    rng = np.random.default_rng(seed)
    at = START + (rng.integers(0, 3600, n) * 1_000_000).astype("m8[us]")
    if times == "equal":
        at = np.full(n, START)
    elif times != "random":
        at[rng.random(n) < (1.0 if times == "missing" else 0.3)] = np.datetime64("NaT", "us")
    groups = np.array(["", "a", "b"])[rng.integers(0, 3, n)]
    found = independent_units(make_sample(n, seed, times=at, groups=groups))
    assert len(found.labels) == n
    assert found.n == len(set(found.labels.tolist()))
    assert found.n <= n
