"""Charts draw what they are given, down to the empty and the constant."""

import numpy as np
import pytest

from auricle import charts


def test_a_histogram_counts_every_value(rng: np.random.Generator) -> None:
    _, axes = charts.blank(3, 2)
    charts.histogram(axes[0, 0], rng.normal(size=200), title="level", unit="dB")
    assert sum(bar.get_height() for bar in axes[0, 0].patches) == 200
    assert axes[0, 0].get_xlabel() == "dB"
    assert axes[0, 0].get_title(loc="left") == "level"


@pytest.mark.parametrize("value", [0.0, 5.0, -120.0])
def test_a_constant_is_one_bar(value: float) -> None:
    _, axes = charts.blank(3, 2)
    charts.histogram(axes[0, 0], [value] * 7, title="", unit="")
    (bar,) = axes[0, 0].patches
    assert bar.get_height() == 7


def test_a_logarithmic_histogram_counts_every_value(rng: np.random.Generator) -> None:
    _, axes = charts.blank(3, 2)
    charts.histogram(axes[0, 0], rng.uniform(0.05, 3600, 100), title="", unit="s", log=True)
    assert axes[0, 0].get_xscale() == "log"
    assert sum(bar.get_height() for bar in axes[0, 0].patches) == 100


def test_bars_run_from_the_top_and_show_their_values() -> None:
    _, axes = charts.blank(3, 2)
    charts.bars(axes[0, 0], ["first", "a name that is much too long to be shown"], [3, 12], unit="recordings")
    axis = axes[0, 0]
    assert [bar.get_width() for bar in axis.patches] == [3, 12]
    assert axis.yaxis_inverted()
    assert [text.get_text().strip() for text in axis.texts] == ["3", "12"]
    assert axis.get_yticklabels()[1].get_text().endswith("…")


def test_heat_shows_every_count() -> None:
    _, axes = charts.blank(3, 2)
    charts.heat(axes[0, 0], [[1, 0, 2], [3, 4, 5]], rows=["a", "b"], columns=["1", "2", "a long one"])
    assert [text.get_text() for text in axes[0, 0].texts] == ["1", "0", "2", "3", "4", "5"]
    assert axes[0, 0].get_xticklabels()[0].get_rotation() == 40


def test_axes_come_as_a_table() -> None:
    figure, axes = charts.blank(4, 3, rows=2, columns=3)
    assert axes.shape == (2, 3)
    assert figure.get_size_inches().tolist() == [4, 3]
