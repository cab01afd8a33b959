"""Memory that kernels work in: each thread has its own, and uses it again."""

import threading

from auricle.kernels.frames import Workspace, workspace

__all__ = ["Memory"]

KEPT = 4  # a thread seldom works by more specs


class Memory(threading.local):
    """The workspaces of one thread, by what decides their size."""

    def __init__(self) -> None:
        self._spaces: dict[tuple[int, ...], Workspace] = {}

    def get(self, n_fft: int, hop: int, n_mels: int, ranks: int) -> Workspace:
        """Return memory as :func:`~auricle.kernels.frames.workspace` makes it, which nobody else uses now."""
        size = (n_fft, hop, n_mels, ranks)
        if size not in self._spaces:
            if len(self._spaces) == KEPT:
                del self._spaces[next(iter(self._spaces))]
            self._spaces[size] = workspace(*size)
        return self._spaces[size]
