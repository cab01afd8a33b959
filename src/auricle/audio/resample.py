"""Resampling with soxr, of whole clips or in blocks of any size, with the same bits."""

import numpy as np
import soxr

from auricle.audio.clip import Clip, Samples
from auricle.errors import AudioError, UsageError

__all__ = ["MAX_UPSAMPLING", "Resampler", "resample"]

MAX_UPSAMPLING = 1000
"""Bounds memory: a file that claims 1 Hz would otherwise grow 16,000-fold."""


class Resampler:
    """Resamples a stream with soxr's HQ filter; passes it through when the rates are equal.

    Parameters
    ----------
    from_hz, to_hz : int
        Sample rates before and after.

    Raises
    ------
    UsageError
        A rate below 1 Hz.
    AudioError
        ``to_hz`` is more than `MAX_UPSAMPLING` times ``from_hz``.

    Source: R. Sykes, libsoxr; tests/audio/test_resample.py checks that blocks of any size give the same bits.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        for name, value in (("from_hz", from_hz), ("to_hz", to_hz)):
            if value < 1:
                raise UsageError(f"`{name}` must be at least 1 Hz. Got {value}.")
        if to_hz > MAX_UPSAMPLING * from_hz:
            raise AudioError(
                f"sound at {from_hz} Hz cannot be brought to {to_hz} Hz: at most {MAX_UPSAMPLING} times its rate "
                f"({MAX_UPSAMPLING * from_hz} Hz) is possible. Choose a lower rate."
            )
        self._stream = (
            None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
        )

    def push(self, block: Samples) -> Samples:
        """Take the next samples, float32 of shape (n,), and return the resampled ones that are ready, possibly none."""
        if self._stream is None:
            return block
        resampled: Samples = self._stream.resample_chunk(block)
        return resampled

    def flush(self) -> Samples:
        """End the stream and return the remaining samples."""
        if self._stream is None:
            return np.empty(0, np.float32)
        resampled: Samples = self._stream.resample_chunk(np.empty(0, np.float32), last=True)
        return resampled


def resample(clip: Clip, rate_hz: int) -> Clip:
    """Resample a clip, through the same stream as files.

    Returns
    -------
    Clip
        The clip itself if it has that rate, else a new one of round(n * rate_hz / clip.rate_hz) samples.

    Raises
    ------
    UsageError
        A rate below 1 Hz.
    AudioError
        A clip too short to leave a sample, or a rate more than `MAX_UPSAMPLING` times the clip's.
    """
    if rate_hz == clip.rate_hz:
        return clip
    resampler = Resampler(clip.rate_hz, rate_hz)
    samples = np.concatenate([resampler.push(clip.samples), resampler.flush()])
    if samples.size == 0:
        raise AudioError(
            f"{clip.source}: the sound must be at least one sample long at {rate_hz} Hz. Got {clip.samples.size} "
            f"sample(s) at {clip.rate_hz} Hz."
        )
    return Clip(samples, rate_hz, source=clip.source, start_s=clip.start_s)
