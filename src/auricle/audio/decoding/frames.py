"""What every decoder does: read the frames of a file in order, and skip some."""

from collections.abc import Callable
from typing import Protocol

from auricle.audio.clip import Samples

__all__ = ["FrameDecoder", "skip_by_reading"]


class FrameDecoder(Protocol):
    """Decodes an open file in order.

    Attributes
    ----------
    format : str
        As the content of the file tells.
    rate_hz : int
        Sample rate.
    channels : int
    n_frames : int or None
        Length in the header; None where it holds none.
    has_exact_length : bool
        Whether a file that ends before ``n_frames`` is damaged. The length of an MP3 may be an estimate.
    """

    format: str
    rate_hz: int
    channels: int
    n_frames: int | None
    has_exact_length: bool

    def read(self, count: int) -> Samples:
        """Decode the next frames: float32, shape (n, channels), n ≤ ``count``; n is 0 only at the end."""

    def skip(self, count: int, *, block: int) -> int:
        """Skip ``count`` frames, decoded ``block`` at a time where a seek changes what follows, and return how many.

        They are fewer than ``count`` where the file ends before.
        """

    def close(self) -> None:
        """Free the decoder; the file itself stays open unless it is the decoder's own."""


def skip_by_reading(read: Callable[[int], Samples], count: int, *, block: int) -> int:
    """Decode and drop ``count`` frames, ``block`` at a time, and return how many there were."""
    skipped = 0
    while skipped < count and (dropped := len(read(min(block, count - skipped)))):
        skipped += dropped
    return skipped
