"""Charts for reports: a few plain kinds in one look, drawn without a window system."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

__all__ = ["ACCENT", "INK", "SOFT", "bars", "blank", "heat", "histogram"]

INK, SOFT, LINE, ACCENT = "#1c2228", "#5b6670", "#dde2e6", "#1f4e79"
FONT_PT = 9.0
MAX_BINS = 30
ROOM = 4  # letters that fit over a column of `heat`


def blank(width_in: float, height_in: float, *, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """Return an empty figure and its axes, as an array of shape (rows, columns)."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        _dress(axis)
    return figure, axes


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
    axis.set_title(title, loc="left")
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


def _dress(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(SOFT)
    axis.tick_params(colors=SOFT, labelcolor=INK, labelsize=FONT_PT, width=0.6)
    axis.title.set(fontsize=FONT_PT + 1, color=INK)
    axis.xaxis.label.set(fontsize=FONT_PT, color=SOFT)
    axis.yaxis.label.set(fontsize=FONT_PT, color=SOFT)
    axis.grid(visible=True, axis="y", color=LINE, linewidth=0.6)
    axis.set_axisbelow(True)


def _short(name: str, *, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
