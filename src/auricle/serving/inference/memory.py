"""One budget for all memory that clients can take: bodies, decoded sounds, and the sound that streams keep."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auricle.errors import RequestError

__all__ = ["STREAMS_SHARE", "MemoryBudget"]

STREAMS_SHARE: Final = 0.5
"""Of the budget, at most this is lent to streams: they last for hours, and must leave room for bodies."""


class MemoryBudget:
    """Bytes that a process lends; any thread may take and return them.

    Parameters
    ----------
    max_bytes : int
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = self._free_bytes = max_bytes
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        """Bytes that are lent."""
        return self._max_bytes - self._free_bytes

    def reserve(self, n_bytes: int, *, share: float = 1.0) -> None:
        """Reserve memory.

        Parameters
        ----------
        n_bytes : int
        share : float
            The part of the budget that may be in use afterwards.

        Raises
        ------
        RequestError : too little is free
        """
        with self._lock:
            if self._max_bytes - self._free_bytes + n_bytes > share * self._max_bytes:
                raise RequestError("The server holds too much sound at the moment.", reason="overloaded")
            self._free_bytes -= n_bytes

    def release(self, n_bytes: int) -> None:
        """Release reserved memory."""
        with self._lock:
            self._free_bytes += n_bytes

    @contextmanager
    def reserved(self, n_bytes: int) -> Iterator[None]:
        """Reserve memory for the length of a block.

        Raises
        ------
        RequestError : too little is free
        """
        self.reserve(n_bytes)
        try:
            yield
        finally:
            self.release(n_bytes)
