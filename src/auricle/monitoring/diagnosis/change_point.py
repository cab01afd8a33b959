"""Change point of a quality measure: the time of the first recording after a change within the window."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from auricle.monitoring.sources.sample import to_datetime

__all__ = ["change_point"]

MIN_SIDE = 10
"""Fewest recordings before and after a change point."""
CRITICAL = 4.0
"""Critical value of the standardized mean rank of either side; without a change, the maximum rarely reaches it."""
MAX_EARLIER_SHIFT = 0.34
"""Largest shift of the earlier recordings, as part of the later shift."""


def change_point(
    times: NDArray[np.datetime64], values: NDArray[np.floating], reference: NDArray[np.floating]
) -> datetime | None:
    """Return the time in UTC of the first recording after a change.

    Parameters
    ----------
    times : datetime64, shape (n,)
        Recording times in any order; recordings with NaT are ignored.
    values : float, shape (n,)
        Quality measure of the window.
    reference : float, shape (m,)
        The same measure of the training data.

    Returns
    -------
    datetime or None
        None without a change point: the window differs from its start on, has no times, or wrong clocks mix up its
        order.

    Source: Pettitt (1979), "A non-parametric approach to the change-point problem", with each split standardized, so
    that changes near either end are found too.
    """
    known = ~np.isnat(times)
    order = np.argsort(times[known], kind="stable")
    ordered, ordered_times = values[known][order], times[known][order]
    n = len(ordered)
    if n < 2 * MIN_SIDE or ordered_times[0] == ordered_times[-1]:
        return None
    ranks = rankdata(ordered) - (n + 1) / 2
    std = float(ranks.std())
    if not std:
        return None
    splits = np.arange(MIN_SIDE, n - MIN_SIDE + 1)
    statistic = np.abs(np.cumsum(ranks)[splits - 1]) / (std * np.sqrt(splits * (n - splits) / n))
    split = int(splits[statistic.argmax()])
    if statistic.max() < CRITICAL:
        return None
    baseline = float(np.median(reference))
    before, after = (float(np.median(part)) - baseline for part in (ordered[:split], ordered[split:]))
    if abs(before) > MAX_EARLIER_SHIFT * abs(after):
        return None
    return to_datetime(ordered_times[split])
