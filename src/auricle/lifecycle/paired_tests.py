"""Exact paired tests of two models on the same recordings, with the Holm correction over several tests.

Under the null hypothesis the gain of each block of recordings is as likely to have the opposite sign. The distribution
of the summed gain over all sign flips is computed exactly.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["holm_adjusted", "paired_test"]

N_STEPS = 10_000
"""Resolution of a sum of gains that are not integers."""


def paired_test(gains: NDArray[Any], blocks: NDArray[Any] | None = None) -> float:
    """Return the one-sided p-value of a paired randomisation test: the chance of at least this gain.

    With gains of +1, 0 and -1 and no blocks, this is McNemar's exact test.

    Parameters
    ----------
    gains : float or int, shape (n,)
        Gain of one model over the other on each recording.
    blocks : shape (n,), optional
        Recordings of one block share their sign; None where all are independent.

    Returns
    -------
    float
        Above 0, up to 1; 1 without any difference. Gains that are not integers are rounded to 1/10,000 of their sum, in
        such a way that p is never too small.

    Source: R. A. Fisher, The Design of Experiments (1935), section 21, the randomisation test of paired differences.

    Examples
    --------
    >>> paired_test(np.array([1, 1, 1, 1, 0]))
    0.0625
    """
    sums = np.asarray(gains, np.float64)
    if blocks is not None:
        _, member = np.unique(blocks, return_inverse=True)
        sums = np.asarray(np.bincount(member, sums), np.float64)
    size = float(np.abs(sums).sum())
    if not size:
        return 1.0
    rounding = 0
    if not (sums == np.round(sums)).all():
        sums, rounding = sums * (N_STEPS / size), int(np.count_nonzero(sums))
    steps = np.round(sums).astype(np.int64)
    chance = np.ones(1)  # of every second sum, in ascending order
    for step in np.abs(steps[steps != 0]):
        chance = np.concatenate([chance, np.zeros(step)]) + np.concatenate([np.zeros(step), chance])
        chance /= 2
    reached = max(0, chance.size - 1 + int(steps.sum()) - rounding) // 2
    return float(min(1.0, chance[reached:].sum()))


def holm_adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted over several tests, which bound the family-wise error rate.

    Source: S. Holm (1979), "A simple sequentially rejective multiple test procedure".

    Examples
    --------
    >>> [round(p, 2) for p in holm_adjusted([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, least = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return tuple(adjusted)
