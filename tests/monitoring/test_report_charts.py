"""Plots of the monitoring report: axes, labels, and degenerate values."""

import numpy as np
import pytest

from auricle.monitoring.report_charts import class_shares, histograms, time_series
from auricle.reports import charts

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.fixture
def axis():
    return charts.blank(4.0, 2.0)[1][0, 0]


@pytest.mark.parametrize("value", [0.0, -20.0, 8000.0])
def test_constant_measure_is_drawn_as_one_bar(axis, value):
    histograms(axis, np.full(30, value), np.full(20, value), name="Level", unit="dB")
    low, high = axis.get_xlim()
    assert low < value < high
    assert axis.get_xlabel() == "dB"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["training", "now"]


def test_time_series_is_thinned_and_marks_the_change_point(axis, rng):
    times = np.datetime64("2026-03-01", "us") + rng.permutation(5000) * np.timedelta64(1, "m")
    time_series(axis, times, rng.normal(size=5000), (-1.0, 1.0), unit="dB", since=times[7])
    assert len(axis.collections[0].get_offsets()) <= 2000
    assert len(axis.lines) == 1
    assert axis.get_ylabel() == "dB"


def test_class_shares_are_listed_from_the_top(axis):
    class_shares(axis, ["cat", "a very long name of a class indeed"], [0.4, 0.6], [0.5, 0.5])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["cat", "a very long name of a class…"]
    assert axis.yaxis_inverted()
    assert axis.get_xlabel() == "share of predictions"
