"""A few of many: rows spread evenly over a sound of any length, in constant memory."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_ROWS", "Thinned"]

MOST_ROWS = 32


class Thinned:
    """Keeps the first row and every k-th after it; whenever they are too many, every other one goes and k doubles.

    Which rows are kept depends on how many came, and on nothing else.

    Parameters
    ----------
    most : rows that are kept at most, an even number
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._kept: list[NDArray[np.float32]] = []
        self._every = 1
        self._n_seen = 0

    def add(self, row: NDArray[np.float32]) -> None:
        """Take the next row, which nobody may change afterwards."""
        if self._n_seen % self._every == 0:
            if len(self._kept) == self._most:
                del self._kept[1::2]
                self._every *= 2
            self._kept.append(row)
        self._n_seen += 1

    def rows(self) -> list[NDArray[np.float32]]:
        """Return the rows that are kept, in the order in which they came."""
        return list(self._kept)
