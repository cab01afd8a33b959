"""Charts draw every value, down to the empty and the constant."""

import numpy as np
import pytest

from auricle.reports import charts


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


def test_axes_are_an_array_of_rows_and_columns() -> None:
    figure, axes = charts.blank(4, 3, rows=2, columns=3)
    assert axes.shape == (2, 3)
    assert figure.get_size_inches().tolist() == [4, 3]


@pytest.mark.parametrize("n", [2, 20, 21, 100])
def test_a_matrix_of_many_classes_labels_some_of_them(n: int) -> None:
    _, axes = charts.blank(6, 6)
    counts = np.full((n, n), 0)
    np.fill_diagonal(counts, 3)
    charts.matrix(axes[0, 0], counts, names=[f"class {i}" for i in range(n)])
    assert len(axes[0, 0].get_yticklabels()) == {2: 2, 20: 20, 21: 21, 100: 34}[n]
    assert len(axes[0, 0].texts) == (n if n <= 20 else 0)


def test_calibration_has_a_legend_for_two_curves() -> None:
    _, axes = charts.blank(3, 3, columns=2)
    curve: charts.Curve = ("calibrated", charts.ACCENT, [0.5, 0.9], [0.4, 0.95], [[0.2, 0.6], [0.9, 1.0]])
    charts.calibration(axes[0, 0], [curve])
    assert axes[0, 0].get_legend() is None
    charts.calibration(axes[0, 1], [("before", charts.WARM, [0.5], [0.9], None), curve])
    assert [text.get_text() for text in axes[0, 1].get_legend().get_texts()] == ["before", "calibrated"]


def test_an_empty_reliability_diagram_is_the_diagonal() -> None:
    _, axes = charts.blank(3, 3)
    charts.calibration(axes[0, 0], [("calibrated", charts.ACCENT, [], [], np.empty((0, 2)))])
    assert len(axes[0, 0].lines) == 2


@pytest.mark.parametrize("ends", [[1, 3], [0, 0]], ids=["diagonal", "zero"])
def test_points_are_drawn_against_a_line(ends: list[float]) -> None:
    _, axes = charts.blank(3, 3)
    diagonal = ends != [0, 0]
    charts.scatter(axes[0, 0], [1, 2, 3], [1.1, 2.2, 2.9], xlabel="true", ylabel="predicted", diagonal=diagonal)
    assert list(axes[0, 0].lines[0].get_ydata()) == ends
    assert len(axes[0, 0].collections[0].get_offsets()) == 3


def test_a_trend_is_annotated_with_its_values() -> None:
    _, axes = charts.blank(3, 3)
    charts.trend(axes[0, 0], [10, 20], [0.5, 0.75], [[0.4, 0.6], [0.7, 0.8]], xlabel="n", ylabel="score")
    assert [text.get_text() for text in axes[0, 0].texts] == ["0.50", "0.75"]


def test_marked_whiskers_have_the_warning_colour() -> None:
    _, axes = charts.blank(3, 3)
    ends = [[0.1, 0.3], [0.8, 1.0]]
    charts.whiskers(axes[0, 0], ["a", "b"], [0.2, 0.9], ends, xlabel="x", marked=[True, False], line=0.6)
    assert axes[0, 0].yaxis_inverted()
    colors = {line.get_color() for line in axes[0, 0].lines}
    assert colors == {charts.WARM, charts.ACCENT, charts.SOFT}


def test_an_interval_that_ends_a_bit_before_its_value_is_drawn() -> None:
    figure, axes = charts.blank(3, 2)
    below = np.nextafter(1.0, 0.0)
    charts.calibration(axes[0, 0], [("a", charts.ACCENT, [0.9], [1.0], np.array([[0.7, below]]))])
    figure.canvas.draw()


@pytest.mark.parametrize("name", ["a$\\foo$", "ü_{x}^2", "$", "$$", "100% & <b>"])
def test_names_are_drawn_as_they_are(name: str) -> None:
    figure, axes = charts.blank(3, 2)
    charts.bars(axes[0, 0], [name, "b"], [1, 2], unit=name)
    charts.title(axes[0, 0], name)
    charts.take_literally(figure)
    figure.canvas.draw()
