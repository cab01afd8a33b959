"""Pictures of a check: before against now, over time, and class by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from auricle.reports.charts import ACCENT, FONT_PT, SOFT, WARM, title

__all__ = ["time_series", "histograms", "class_shares"]

BINS = 28
CUT = (0.005, 0.995)
"""Quantiles between which a histogram is drawn; the rest is drawn at its edges."""
CONSTANT = 1e-3
"""Of a value: what varies by less is drawn as one bar, between round numbers."""
MAX_POINTS = 2000

DATES: Any = AutoDateLocator  # matplotlib does not say what these return
SHORT_DATES: Any = ConciseDateFormatter


def histograms(axis: Axes, before: NDArray[np.floating], now: NDArray[np.floating], *, name: str, unit: str) -> None:
    """Draw how a measure was distributed among the recordings of training, filled, and how it is now, as a line."""
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
    """Draw a measure of every recording over time, in the band where nine of ten recordings of training lie.

    Parameters
    ----------
    times : shape (n,), none missing
    values : shape (n,)
    usual : ends of the band
    since : when it changed, where that is known
    """
    step = -(-len(times) // MAX_POINTS)
    order = np.argsort(times, kind="stable")[::step]
    at = times[order].astype("M8[us]").tolist()
    axis.axhspan(*reference_band, color=SOFT, alpha=0.15, linewidth=0)
    axis.scatter(at, values[order], s=9, color=ACCENT, alpha=0.6, linewidths=0)
    if since is not None:
        axis.axvline(since.astype("M8[us]").item(), color=WARM, linewidth=1.2, linestyle=(0, (4, 3)))
    locator = DATES(maxticks=8)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(SHORT_DATES(locator))
    axis.set_ylabel(unit)


def class_shares(axis: Axes, names: Sequence[str], before: Sequence[float], now: Sequence[float]) -> None:
    """Draw the share of every class before and now, as two dots on a line."""
    places = np.arange(len(names))
    axis.hlines(places, np.minimum(before, now), np.maximum(before, now), color=SOFT, linewidth=1.2)
    axis.scatter(before, places, s=26, color=SOFT, zorder=3, label="training")
    axis.scatter(now, places, s=26, color=WARM, zorder=3, label="now")
    axis.set_yticks(places, [name if len(name) <= 28 else f"{name[:27]}…" for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, max(*before, *now) * 1.1)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_xlabel("share of the answers")
    axis.legend(fontsize=FONT_PT, frameon=False, loc="lower right")
