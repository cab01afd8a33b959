from dataclasses import replace

import numpy as np
import pytest

from auricle.monitoring.measured import measured

pytest.importorskip("river")
START = np.datetime64("2026-03-01", "us")


def timed(sample, lag_h=24):
    times = START + np.arange(len(sample)) * np.timedelta64(1, "h")
    return replace(sample, times=times, labelled=times + np.timedelta64(lag_h, "h"))


def test_nothing_labelled_is_nothing_measured(make_sample, unlabelled):
    assert measured(make_sample(50), unlabelled(make_sample(50, 1))) is None


def test_score_coverage_and_lag_are_said(make_sample):
    window = timed(make_sample(200, 1))
    some = replace(window, truth=np.where(np.arange(200) < 80, window.truth, ""))
    found = measured(make_sample(300), some)
    assert (found.n, found.coverage, found.lag_s) == (80, 0.4, 24 * 3600)
    assert found.value == pytest.approx(window.is_right[:80].mean())
    assert found.interval[0] < found.value < found.interval[1]
    assert len(found.parts) == 4
    assert not found.is_worse


def test_a_model_that_got_worse_is_called_worse(make_sample):
    window = timed(make_sample(200, 1))
    wrong = np.where(np.arange(200) % 2 == 0, "cow", window.truth)
    found = measured(make_sample(300), replace(window, truth=wrong))
    assert found.is_worse
    assert found.value < found.reference


def test_a_few_labels_are_counted_and_not_judged(make_sample):
    window = make_sample(60, 1)
    found = measured(make_sample(300), replace(window, truth=np.where(np.arange(60) < 5, "nothing", "")))
    assert found.n == 5
    assert not found.is_judged
    assert not found.is_worse


def test_labels_that_the_model_does_not_know_are_mistakes_and_named(make_sample):
    window = make_sample(60, 1)
    found = measured(make_sample(300), replace(window, truth=np.array(["owl"] * 30 + window.truth.tolist()[30:])))
    assert found.unheard == {"owl": 30}
    assert found.value < 0.6
