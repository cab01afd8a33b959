"""Charts for reports in one style: histogram, bars, heat map, confusion matrix, reliability diagram, intervals."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

__all__ = [
    "ACCENT",
    "INK",
    "SOFT",
    "WARM",
    "Curve",
    "bars",
    "blank",
    "calibration",
    "heat",
    "histogram",
    "matrix",
    "scatter",
    "take_literally",
    "title",
    "trend",
    "whiskers",
]

INK, SOFT, LINE, ACCENT, WARM = "#1c2228", "#5b6670", "#dde2e6", "#1f4e79", "#b5542b"
FONT_PT = 9.0
MAX_BINS = 30
Curve: TypeAlias = tuple[str, str, ArrayLike, ArrayLike, ArrayLike | None]
"""A curve of `calibration`: name, colour, confidences, accuracies, and their intervals, shape (n, 2), or None."""

MAX_LEVEL_LETTERS = 4  # letters of a column's name in `heat` that fit without turning it


def blank(width_in: float, height_in: float, *, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """Return an empty figure and its axes, as an array of shape (rows, columns)."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        _dress(axis)
    return figure, axes


def title(axis: Axes, text: str) -> None:
    """Set the title of an axis at its left edge."""
    axis.set_title(text, loc="left", fontsize=FONT_PT + 1, color=INK)


def histogram(axis: Axes, values: ArrayLike, *, title: str, unit: str, log: bool = False) -> None:
    """Draw a histogram; a constant as one bar.

    Parameters
    ----------
    axis : Axes
    values : float, shape (n,), finite
    title, unit : str
        Name of the values, and the label of their axis.
    log : bool
        Logarithmic bins; all values must be positive.
    """
    numbers = np.asarray(values, np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if high - low <= 1e-9 * max(abs(low), abs(high), 1.0):
        axis.bar([0], [numbers.size], width=0.2, color=ACCENT)
        axis.set_xticks([0], [f"{low:.4g}"])
        axis.set_xlim(-1, 1)
    else:
        n_bins = int(min(MAX_BINS, max(5, np.sqrt(numbers.size) * 1.5)))
        edges = np.geomspace(low, high, n_bins + 1) if log else np.linspace(low, high, n_bins + 1)
        axis.hist(numbers, bins=edges.tolist(), color=ACCENT, edgecolor="white", linewidth=0.4)
        if log:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.xaxis.set_minor_formatter(lambda *_: "")
    axis.set_title(title, loc="left", fontsize=FONT_PT + 1, color=INK)
    axis.set_xlabel(unit)
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def bars(axis: Axes, names: Sequence[str], values: Sequence[float], *, unit: str) -> None:
    """Draw one horizontal bar per name, from the top down, with its value at its end."""
    rows = np.arange(len(names))
    axis.barh(rows, values, color=ACCENT, height=0.7)
    axis.set_yticks(rows, [_short(name) for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, max(values) * 1.12)
    for row, value in enumerate(values):
        axis.text(value, row, f" {value:g}", va="center", ha="left", fontsize=FONT_PT, color=INK)
    axis.set_xlabel(unit)
    axis.grid(visible=False)
    axis.tick_params(left=False)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def heat(axis: Axes, counts: ArrayLike, *, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Draw a heat map of counts with the numbers in its cells."""
    numbers = np.asarray(counts, np.float64)
    top = float(numbers.max()) or 1.0
    axis.imshow(numbers, cmap="Blues", vmin=0, vmax=3 * top, aspect="auto")
    names = [_short(name) for name in columns]
    is_long = max(map(len, names)) > MAX_LEVEL_LETTERS
    axis.set_xticks(range(len(names)), names, rotation=40 if is_long else 0, ha="right" if is_long else "center")
    axis.set_yticks(range(len(rows)), [_short(name) for name in rows])
    axis.grid(visible=False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(numbers):
        axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=FONT_PT, color=INK if value else SOFT)


def matrix(axis: Axes, counts: ArrayLike, *, names: Sequence[str]) -> None:
    """Draw a confusion matrix: a row per true class, shaded by share of the row, with counts up to 20 classes.

    Parameters
    ----------
    axis : Axes
    counts : int, shape (n, n)
    names : sequence of str, length n
        Classes; of more than 40, some are labelled.
    """
    numbers = np.asarray(counts, np.float64)
    n = len(names)
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1.0)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    step = -(-n // 40)
    shown = [_short(name, most=20) for name in names[::step]]
    axis.set_xticks(range(0, n, step), shown, rotation=90 if n > 20 else 40, ha="center" if n > 20 else "right")
    axis.set_yticks(range(0, n, step), shown)
    axis.tick_params(length=0, labelsize=FONT_PT if n <= 20 else 6.0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.set(xlabel="predicted class", ylabel="true class")
    if n > 20:
        return
    for (row, column), value in np.ndenumerate(numbers):
        if value:
            color = "white" if shares[row, column] > 0.55 else INK
            axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=FONT_PT - n // 12, color=color)


def calibration(axis: Axes, curves: Sequence[Curve]) -> None:
    """Draw a reliability diagram: accuracy against confidence, with the diagonal of perfect calibration."""
    axis.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    for name, color, confidences, accuracies, ends in curves:
        accuracy = np.asarray(accuracies, np.float64)
        if ends is not None:
            low, high = np.asarray(ends, np.float64).T
            lengths = np.maximum([accuracy - low, high - accuracy], 0.0)  # an end may be off by its last bit
            axis.errorbar(confidences, accuracy, yerr=lengths, fmt="none", ecolor=color, linewidth=0.9)
        axis.plot(confidences, accuracy, marker="o", markersize=4, linewidth=1.2, color=color, label=name)
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy", aspect="equal")
    if len(curves) > 1:
        axis.legend(fontsize=FONT_PT, frameon=False, loc="upper left")


def scatter(axis: Axes, x: ArrayLike, y: ArrayLike, *, xlabel: str, ylabel: str, diagonal: bool) -> None:
    """Draw points with the diagonal, or with the line of zero."""
    across = np.asarray(x, np.float64)
    axis.scatter(across, y, s=12, color=ACCENT, alpha=0.55, linewidths=0)
    low, high = float(across.min()), float(across.max())
    ends = [low, high] if diagonal else [0.0, 0.0]
    axis.plot([low, high], ends, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    axis.set(xlabel=xlabel, ylabel=ylabel)


def trend(axis: Axes, x: ArrayLike, y: ArrayLike, intervals: ArrayLike, *, xlabel: str, ylabel: str) -> None:
    """Draw a line through points with a band of their intervals, shape (n, 2), finite."""
    across, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    low, high = np.asarray(intervals, np.float64).T
    axis.fill_between(across, low, high, color=ACCENT, alpha=0.12, linewidth=0)
    axis.plot(across, values, marker="o", markersize=4, linewidth=1.4, color=ACCENT)
    for position, value in zip(across, values, strict=True):
        axis.annotate(
            f"{value:.2f}",
            (position, value),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=FONT_PT,
            color=INK,
        )
    axis.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, None))
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def whiskers(
    axis: Axes,
    names: Sequence[str],
    values: Sequence[float],
    intervals: ArrayLike,
    *,
    xlabel: str,
    marked: Sequence[bool] = (),
    line: float | None = None,
) -> None:
    """Draw one point per name with its interval, from the top down.

    Parameters
    ----------
    axis : Axes
    names : sequence of str, length n
    values : sequence of float, length n
    intervals : float, shape (n, 2), finite
    xlabel : str
    marked : sequence of bool
        Rows drawn in the warning colour.
    line : float or None
        A value to compare with, such as the score of all.
    """
    rows, points = np.arange(len(names)), np.asarray(values, np.float64)
    low, high = np.asarray(intervals, np.float64).reshape(-1, 2).T
    if line is not None:
        axis.axvline(line, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    for row in rows.tolist():
        color = WARM if len(marked) and marked[row] else ACCENT
        axis.plot([low[row], high[row]], [row, row], color=color, linewidth=1.4, solid_capstyle="butt")
        axis.plot([points[row]], [row], marker="o", markersize=5, color=color)
    axis.set_yticks(rows, [_short(name) for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlabel(xlabel)
    axis.grid(visible=False, axis="y")
    axis.grid(visible=True, axis="x", color=LINE, linewidth=0.6)
    axis.tick_params(left=False)


def _dress(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(SOFT)
    axis.tick_params(colors=SOFT, labelcolor=INK, labelsize=FONT_PT, width=0.6)
    axis.xaxis.label.set(fontsize=FONT_PT, color=SOFT)
    axis.yaxis.label.set(fontsize=FONT_PT, color=SOFT)
    axis.grid(visible=True, axis="y", color=LINE, linewidth=0.6)
    axis.set_axisbelow(True)


def _short(name: str, *, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def take_literally(figure: Figure) -> None:
    """Let every text of a figure be what it says: matplotlib takes a class called ``a$b$`` for a formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
