"""Plots of a monitoring report: histograms before and now, a measure over time, and class shares."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from auricle.reports.charts import ACCENT, FONT_PT, SOFT, WARM, title

__all__ = ["class_shares", "histograms", "time_series"]

BINS = 28
CUT = (0.005, 0.995)
"""Quantiles between which a histogram is drawn; values outside are clipped."""
CONSTANT = 1e-3
"""Relative range below which values are drawn as one bar, between round numbers."""
MAX_POINTS = 2000

DATES: Any = AutoDateLocator  # untyped in matplotlib
SHORT_DATES: Any = ConciseDateFormatter


def histograms(axis: Axes, before: NDArray[np.floating], now: NDArray[np.floating], *, name: str, unit: str) -> None:
    """Draw the distribution of a measure in the training data (filled) and now (line)."""
    low, high = np.quantile(np.concatenate([before, now]), CUT)
    if not high - low > CONSTANT * abs(low):
        room = max(0.5, 0.05 * abs(float(low)))
        low, high = float(low) - room, float(high) + room
    edges = np.linspace(low, high, BINS + 1)
    parts = [np.histogram(np.clip(side, low, high), edges)[0] / len(side) for side in (before, now)]
    axis.stairs(parts[0], edges, fill=True, color=SOFT, alpha=0.35, label="training")
    axis.stairs(parts[1], edges, color=WARM, linewidth=1.6, label="now")
    title(axis, name)
    axis.set_xlabel(unit)
    axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.ticklabel_format(axis="x", style="plain", useOffset=False)
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.legend(fontsize=FONT_PT, frameon=False)


def time_series(
    axis: Axes,
    times: NDArray[np.datetime64],
    values: NDArray[np.floating],
    reference_band: tuple[float, float],
    *,
    unit: str,
    since: np.datetime64 | None,
) -> None:
    """Draw a measure of each recording over time, with the band of 90% of the training data.

    Parameters
    ----------
    axis : Axes
    times : datetime64, shape (n,)
        Without NaT.
    values : float, shape (n,)
    reference_band : tuple of float
        Ends of the band.
    unit : str
    since : datetime64 or None
        Change point, if any.
    """
    step = -(-len(times) // MAX_POINTS)
    order = np.argsort(times, kind="stable")[::step]
    at = times[order].astype("M8[us]").tolist()
    axis.axhspan(*reference_band, color=SOFT, alpha=0.15, linewidth=0)
    axis.scatter(at, values[order], s=9, color=ACCENT, alpha=0.6, linewidths=0)
    if since is not None:
        axis.axvline(since.astype("M8[us]").item(), color=WARM, linewidth=1.2, linestyle=(0, (4, 3)))
    locator = DATES(minticks=3, maxticks=10)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(SHORT_DATES(locator))
    axis.set_ylabel(unit)


def class_shares(axis: Axes, names: Sequence[str], before: Sequence[float], now: Sequence[float]) -> None:
    """Draw the share of each class before and now, as two dots on a line."""
    rows = np.arange(len(names))
    axis.hlines(rows, np.minimum(before, now), np.maximum(before, now), color=SOFT, linewidth=1.2)
    axis.scatter(before, rows, s=26, color=SOFT, zorder=3, label="training")
    axis.scatter(now, rows, s=26, color=WARM, zorder=3, label="now")
    axis.set_yticks(rows, [name if len(name) <= 28 else f"{name[:27]}…" for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, max(*before, *now) * 1.1)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_xlabel("share of predictions")
    axis.legend(fontsize=FONT_PT, frameon=False, loc="lower right")
