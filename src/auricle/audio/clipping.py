"""Clipping of a sound as it came: runs of samples at full scale, which resampling would round off."""

import numpy as np

from auricle.audio.clip import Samples
from auricle.kernels.waveform import count_beyond

__all__ = ["CLIPPED_RUN_SAMPLES", "FULL_SCALE", "ClippedRuns"]

FULL_SCALE = 0.9999  # the largest value of 16 bits is 32767 / 32768
CLIPPED_RUN_SAMPLES = 3  # a clean peak may touch full scale once or twice


class ClippedRuns:
    """Finds the clipped samples of a sound that arrives in blocks of any size, and counts those of its windows.

    Parameters
    ----------
    rate_hz : int
        Sample rate of the blocks.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._n_samples = 0
        self._runs = np.empty((0, 2), np.int64)  # first sample, and the one after the last; the last may yet grow

    def push(self, block: Samples) -> None:
        """Take the next samples, float32, shape (n,)."""
        if block.size and count_beyond(block, FULL_SCALE):
            full = np.concatenate([[False], np.abs(block) >= FULL_SCALE, [False]])
            edges = np.flatnonzero(np.diff(full)) + self._n_samples
            runs = edges.reshape(-1, 2)
            if len(self._runs) and runs[0, 0] == self._runs[-1, 1]:  # it goes on from the block before
                runs[0, 0] = self._runs[-1, 0]
                self._runs = self._runs[:-1]
            ended = runs[:, 1] - runs[:, 0] >= CLIPPED_RUN_SAMPLES
            ended[-1] = True
            self._runs = np.concatenate([self._runs, runs[ended]])
        self._n_samples += block.size

    def fraction(self, start_s: float, end_s: float) -> float:
        """Return the fraction of clipped samples in a window, in seconds from the first sample.

        Of a run, the part within the window counts, so that what follows the window does not matter. Runs that ended
        before it are forgotten: windows begin in order.
        """
        start, end = round(start_s * self._rate_hz), round(end_s * self._rate_hz)
        self._runs = self._runs[self._runs[:, 1] > start]
        inside = np.minimum(self._runs[:, 1], end) - np.maximum(self._runs[:, 0], start)
        return float(inside[inside >= CLIPPED_RUN_SAMPLES].sum()) / max(1, end - start)
