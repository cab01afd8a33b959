"""Charts for reports: a few plain kinds in one look, drawn without a window system."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
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
    "title",
    "trend",
    "whiskers",
]

INK, SOFT, LINE, ACCENT, WARM = "#1c2228", "#5b6670", "#dde2e6", "#1f4e79", "#b5542b"
FONT_PT = 9.0
MAX_BINS = 30
Curve: TypeAlias = tuple[str, str, ArrayLike, ArrayLike, ArrayLike | None]
"""Of `calibration`: name, colour, confidences, accuracies, and the ends of their intervals, shape (n, 2), or None."""

ROOM = 4  # letters that fit over a column of `heat`


def blank(width_in: float, height_in: float, *, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """Return an empty figure and its axes, as an array of shape (rows, columns)."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        _dress(axis)
    return figure, axes


def title(axis: Axes, text: str) -> None:
    """Write what is drawn over its left edge."""
    axis.set_title(text, loc="left", fontsize=FONT_PT + 1, color=INK)


def histogram(axis: Axes, values: ArrayLike, *, title: str, unit: str, log: bool = False) -> None:
    """Draw how values are distributed; a few different whole values as bars, anything else in bins.

    Parameters
    ----------
    values : shape (n,), finite
    title, unit : what they are, and in what
    log : whether to space the bins by ratio; all values must then be positive
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
    """Draw one horizontal bar a name, from the top down, each with its value at its end."""
    places = np.arange(len(names))
    axis.barh(places, values, color=ACCENT, height=0.7)
    axis.set_yticks(places, [_short(name) for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, max(values) * 1.12)
    for place, value in enumerate(values):
        axis.text(value, place, f" {value:g}", va="center", ha="left", fontsize=FONT_PT, color=INK)
    axis.set_xlabel(unit)
    axis.grid(visible=False)
    axis.tick_params(left=False)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def heat(axis: Axes, counts: ArrayLike, *, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Draw a table of counts as shades, with the numbers in them."""
    numbers = np.asarray(counts, np.float64)
    top = float(numbers.max()) or 1.0
    axis.imshow(numbers, cmap="Blues", vmin=0, vmax=3 * top, aspect="auto")
    names = [_short(name) for name in columns]
    is_long = max(map(len, names)) > ROOM
    axis.set_xticks(range(len(names)), names, rotation=40 if is_long else 0, ha="right" if is_long else "center")
    axis.set_yticks(range(len(rows)), [_short(name) for name in rows])
    axis.grid(visible=False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(numbers):
        axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=FONT_PT, color=INK if value else SOFT)


def matrix(axis: Axes, counts: ArrayLike, *, names: Sequence[str]) -> None:
    """Draw a confusion matrix: a row for each true class, shaded by its share of the row, with the counts where few.

    Parameters
    ----------
    counts : shape (n, n)
    names : of the rows and columns; of more than 40, some are written
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
    axis.set(xlabel="answered", ylabel="true class")
    if n > 20:
        return
    for (row, column), value in np.ndenumerate(numbers):
        if value:
            color = "white" if shares[row, column] > 0.55 else INK
            axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=FONT_PT - n // 12, color=color)


def calibration(axis: Axes, curves: Sequence[Curve]) -> None:
    """Draw how often answers were right against how sure they were; on the diagonal, confidence means what it says."""
    axis.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    for name, color, confidences, accuracies, ends in curves:
        right = np.asarray(accuracies, np.float64)
        if ends is not None:
            low, high = np.asarray(ends, np.float64).T
            axis.errorbar(confidences, right, yerr=[right - low, high - right], fmt="none", ecolor=color, linewidth=0.9)
        axis.plot(confidences, right, marker="o", markersize=4, linewidth=1.2, color=color, label=name)
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="share that is right", aspect="equal")
    if len(curves) > 1:
        axis.legend(fontsize=FONT_PT, frameon=False, loc="upper left")


def scatter(axis: Axes, x: ArrayLike, y: ArrayLike, *, xlabel: str, ylabel: str, diagonal: bool) -> None:
    """Draw points, with the line on which both are equal, or the line of zero."""
    across = np.asarray(x, np.float64)
    axis.scatter(across, y, s=12, color=ACCENT, alpha=0.55, linewidths=0)
    low, high = float(across.min()), float(across.max())
    ends = [low, high] if diagonal else [0.0, 0.0]
    axis.plot([low, high], ends, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    axis.set(xlabel=xlabel, ylabel=ylabel)


def trend(axis: Axes, x: ArrayLike, y: ArrayLike, ends: ArrayLike, *, xlabel: str, ylabel: str) -> None:
    """Draw a line through points with their intervals; ``ends`` has shape (n, 2), and is finite."""
    across, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    low, high = np.asarray(ends, np.float64).T
    axis.fill_between(across, low, high, color=ACCENT, alpha=0.12, linewidth=0)
    axis.plot(across, values, marker="o", markersize=4, linewidth=1.4, color=ACCENT)
    for place, value in zip(across, values, strict=True):
        axis.annotate(
            f"{value:.2f}",
            (place, value),
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
    ends: ArrayLike,
    *,
    xlabel: str,
    marked: Sequence[bool] = (),
    line: float | None = None,
) -> None:
    """Draw one point a name with its interval, from the top down.

    Parameters
    ----------
    ends : of the intervals, shape (n, 2), finite
    marked : which are drawn in the warning colour
    line : a value to compare with, such as the score of all
    """
    places, points = np.arange(len(names)), np.asarray(values, np.float64)
    low, high = np.asarray(ends, np.float64).reshape(-1, 2).T
    if line is not None:
        axis.axvline(line, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    for place in places.tolist():
        color = WARM if len(marked) and marked[place] else ACCENT
        axis.plot([low[place], high[place]], [place, place], color=color, linewidth=1.4, solid_capstyle="butt")
        axis.plot([points[place]], [place], marker="o", markersize=5, color=color)
    axis.set_yticks(places, [_short(name) for name in names])
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
