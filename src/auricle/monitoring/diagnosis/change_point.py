"""Since when: the moment at which a measure changed, if it changed while it was watched."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from auricle.monitoring.sources.sample import to_datetime

__all__ = ["change_point"]

MIN_SIDE = 10
"""Fewest recordings before and after a change."""
CRITICAL = 4.0
"""Deviations of the mean rank on either side; without a change, the best place seldom reaches it."""
LEFT_OVER = 0.34
"""Part of the later shift that the earlier recordings may already have."""


def change_point(
    times: NDArray[np.datetime64], values: NDArray[np.floating], reference: NDArray[np.floating]
) -> datetime | None:
    """Return the time of the first recording after a change, in UTC.

    Parameters
    ----------
    times : of the recordings watched, in any order, shape (n,); those without one are left out
    values : a measure of them, shape (n,)
    reference : the same measure of the recordings that they are compared with

    Returns
    -------
    None where no change is seen: they were different from the first on, they have no times, or a clock jumped so far
    that their order says nothing

    Source: Pettitt (1979), "A non-parametric approach to the change-point problem", with every place in deviations of
    its own, so that one near an end is found as well.
    """
    known = ~np.isnat(times)
    order = np.argsort(times[known], kind="stable")
    ordered, at = values[known][order], times[known][order]
    n = len(ordered)
    if n < 2 * MIN_SIDE or at[0] == at[-1]:
        return None
    ranks = rankdata(ordered) - (n + 1) / 2
    spread = float(ranks.std())
    if not spread:
        return None
    places = np.arange(MIN_SIDE, n - MIN_SIDE + 1)
    away = np.abs(np.cumsum(ranks)[places - 1]) / (spread * np.sqrt(places * (n - places) / n))
    place = int(places[away.argmax()])
    if away.max() < CRITICAL:
        return None
    usual = float(np.median(reference))
    before, after = (float(np.median(part)) - usual for part in (ordered[:place], ordered[place:]))
    if abs(before) > LEFT_OVER * abs(after):
        return None
    return to_datetime(at[place])
