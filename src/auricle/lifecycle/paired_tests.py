"""Exact tests of two models on the same recordings: whether one is right where the other is wrong, more than by chance.

If neither were better, each block of recordings might as well have gone the other way: the sum of what was gained has a
distribution that is known exactly, by flipping the sign of every block.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["holm", "p_of_gain"]

N_STEPS = 10_000
"""Parts into which a sum of gains that are no whole numbers is divided."""


def p_of_gain(gains: NDArray[Any], blocks: NDArray[Any] | None = None) -> float:
    """Return how often chance alone gains as much, or more: the one-sided p of a paired test.

    With gains of +1, 0 and -1 and no blocks, this is the exact test of McNemar.

    Parameters
    ----------
    gains : of each recording, shape (n,): what one model has over the other
    blocks : recordings of one block go the same way, shape (n,); None where each goes its own

    Returns
    -------
    from above 0 to 1; 1 where nothing differs. Gains that are no whole numbers are rounded to 1/10,000 of their sum,
    and whatever comes as close to the sum as that is counted, so that p is never too small

    Source: R. A. Fisher, The Design of Experiments (1935), section 21, the randomisation test of paired differences.
    """
    sums = np.asarray(gains, np.float64)
    if blocks is not None:
        _, member = np.unique(blocks, return_inverse=True)
        sums = np.asarray(np.bincount(member, sums), np.float64)
    size = float(np.abs(sums).sum())
    if not size:
        return 1.0
    slack = 0
    if not (sums == np.round(sums)).all():
        sums, slack = sums * (N_STEPS / size), int(np.count_nonzero(sums))
    steps = np.round(sums).astype(np.int64)
    chance = np.ones(1)  # of every second sum, from the least to the greatest
    for step in np.abs(steps[steps != 0]):
        chance = np.concatenate([chance, np.zeros(step)]) + np.concatenate([np.zeros(step), chance])
        chance /= 2
    reached = max(0, chance.size - 1 + int(steps.sum()) - slack) // 2
    return float(min(1.0, chance[reached:].sum()))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return each p as it is among several: below a rate, no more than that rate of all families hold one by chance.

    Source: S. Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    adjusted, least = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return tuple(adjusted)
