"""A race between candidates: who is clearly behind on a few blocks does not run the others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLEARLY", "is_beaten", "rounds"]

CLEARLY = 0.05
"""How far behind, in accuracy or R², a candidate must be to drop out: nearer ones may still serve in a blend."""

_DEVIATIONS = 3.0  # of the mean difference between recordings: many candidates are compared, and early


def rounds(blocks: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Pair every block with every other once, in rounds in which each block meets at most one other.

    Source: the circle method of round-robin tournaments.
    """
    circle: list[int | None] = [*blocks, *([None] if len(blocks) % 2 else [])]
    half, found = len(circle) // 2, []
    for _ in range(len(circle) - 1):
        pairs = zip(circle[:half], reversed(circle[half:]), strict=True)
        found.append([(a, b) for a, b in pairs if a is not None and b is not None])
        circle = [circle[0], circle[-1], *circle[1:-1]]
    return found


def is_beaten(losses: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    """Whether a candidate that lost so much on each recording, shape (n,), is clearly behind one that lost ``best``.

    Source: racing; Maron and Moore (1994), "Hoeffding races", with the deviation of paired differences as the bound.
    """
    behind = losses - best
    mean = float(behind.mean())
    return mean > CLEARLY and mean > _DEVIATIONS * float(behind.std(ddof=1) / np.sqrt(len(behind)))
