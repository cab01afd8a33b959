"""Evenly spaced sample of the feature rows of a stream of any length, in constant memory."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_ROWS", "RowSampler"]

MAX_ROWS = 32


class RowSampler:
    """Keep the first row and every k-th after it; drop every other one and double k when there are too many.

    Which rows are kept depends only on how many were added.

    Parameters
    ----------
    max_rows : int, even
        Most rows kept.
    """

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max_rows = max_rows
        self._kept: list[NDArray[np.float32]] = []
        self._step = 1
        self._n_added = 0

    def add(self, row: NDArray[np.float32]) -> None:
        """Add the next row; the caller must not change it afterwards."""
        if self._n_added % self._step == 0:
            if len(self._kept) == self._max_rows:
                del self._kept[1::2]
                self._step *= 2
            self._kept.append(row)
        self._n_added += 1

    def rows(self) -> list[NDArray[np.float32]]:
        """Return the kept rows in the order in which they were added."""
        return list(self._kept)
