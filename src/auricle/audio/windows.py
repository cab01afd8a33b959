"""Cut files, clips and streams into windows of equal length and hop, whatever the size of the blocks."""

import sys
from dataclasses import dataclass

import numpy as np

from auricle.audio.clip import Clip, Samples
from auricle.errors import AudioError, UsageError

__all__ = ["Cutter", "Window", "cut"]

_MIN_PIECE_SAMPLES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The samples of one window, which become one row or one image.

    Parameters
    ----------
    samples : float32, shape (n,), n ≥ 1
    start_samples : int
        Start of the window in its source, counted at ``rate_hz``.
    rate_hz : int
        Sample rate.
    """

    samples: Samples
    start_samples: int
    rate_hz: int

    @property
    def start_s(self) -> float:
        """Start of the window in its source, in seconds."""
        return self.start_samples / self.rate_hz

    @property
    def end_s(self) -> float:
        """End of the window in its source, in seconds."""
        return (self.start_samples + self.samples.size) / self.rate_hz


class Cutter:
    """Cuts a stream of blocks of any size into windows that do not depend on the blocks.

    Sound of at most ``window_samples`` is one window of its own length. Longer sound gives windows that begin at
    0, hop, 2 hop …; if the last of them does not end at the last sample, one more does.
    Holds at most two windows (or one and 4096 samples).

    Parameters
    ----------
    window_samples : int or None
        Length of a window; None for one window of the whole sound, which is then held in memory.
    hop_samples : int
        From the start of one window to the start of the next; more than the window leaves gaps.
    rate_hz : int
        Sample rate.
    first_sample : int
        Start of the sound in its source; the windows count from there.

    Raises
    ------
    UsageError
        A length, hop or rate below 1.
    """

    def __init__(self, window_samples: int | None, hop_samples: int, rate_hz: int, *, first_sample: int = 0) -> None:
        for name, value in (("window_samples", window_samples), ("hop_samples", hop_samples), ("rate_hz", rate_hz)):
            if value is not None and value < 1:
                raise UsageError(f"`{name}` must be at least 1. Got {value}.")
        self._window = sys.maxsize if window_samples is None else window_samples
        self._piece = max(self._window, _MIN_PIECE_SAMPLES)  # copied at once, so that a huge block is never held twice
        self._capacity = self._window + self._piece
        self._hop = hop_samples
        self._rate_hz = rate_hz
        self._first = first_sample
        self._buffer: Samples = np.empty(0, np.float32)
        self._held = 0  # valid samples at the front of the buffer; the last of them is sample `_received` - 1
        self._received = 0
        self._next = 0  # start of the next window
        self._end = 0  # end of the last window returned
        self._flushed = False

    def push(self, block: Samples) -> list[Window]:
        """Take the next samples and return the windows that they complete.

        Raises
        ------
        AudioError
            A block that is not one channel.
        UsageError
            `flush` has already ended the sound.
        """
        if self._flushed:
            raise UsageError("a cutter that was flushed has ended: make a new `Cutter` for the next recording.")
        block = np.asarray(block, np.float32)
        if block.ndim != 1:
            raise AudioError(f"a block must be one channel, shape (n,). Got shape {block.shape}.")
        windows: list[Window] = []
        for start in range(0, block.size, self._piece):
            self._append(block[start : start + self._piece])
            while self._next + self._window <= self._received:
                windows.append(self._window_at(self._next, self._window))
                self._end = self._next + self._window
                self._next += self._hop
        return windows

    def flush(self, *, is_whole: bool = True) -> list[Window]:
        """End the sound and return the window that ends at its last sample, unless `push` returned it already.

        Parameters
        ----------
        is_whole : bool
            Whether that window is as long as the others and overlaps them; False for the remaining samples only.
        """
        self._flushed = True
        if self._received == self._end:
            return []
        length = min(self._window, self._received if is_whole else self._received - self._end)
        return [self._window_at(self._received - length, length)]

    def _append(self, piece: Samples) -> None:
        # Every later window begins within the last `_window` samples, so only those are kept.
        if self._held + piece.size > self._buffer.size:
            kept = self._buffer[max(0, self._held - self._window) : self._held]
            if self._buffer.size < self._capacity:
                self._buffer = np.empty(min(2 * (kept.size + piece.size), self._capacity), np.float32)
            self._buffer[: kept.size] = kept
            self._held = kept.size
        self._buffer[self._held : self._held + piece.size] = piece
        self._held += piece.size
        self._received += piece.size

    def _window_at(self, start: int, length: int) -> Window:
        offset = self._held - (self._received - start)
        return Window(self._buffer[offset : offset + length].copy(), self._first + start, self._rate_hz)


def cut(clip: Clip, window_samples: int | None, hop_samples: int) -> list[Window]:
    """Cut a clip into windows, as `Cutter` does; their times count from the start of the clip's source.

    Parameters
    ----------
    clip : Clip
        The sound, at the sample rate of the features.
    window_samples : int or None
        Length of a window; None for one window of the whole clip.
    hop_samples : int
        From the start of one window to the start of the next.

    Returns
    -------
    list of Window
        At least one; the last ends at the clip's last sample.

    Raises
    ------
    UsageError
        A length or hop below 1.
    """
    first_sample = round(clip.start_s * clip.rate_hz)
    cutter = Cutter(window_samples, hop_samples, clip.rate_hz, first_sample=first_sample)
    return cutter.push(clip.samples) + cutter.flush()
