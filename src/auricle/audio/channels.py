"""Channels of a recording: which of them is heard, or their mean."""

from typing import Final

import numpy as np

from auricle.audio.clip import Samples
from auricle.errors import AudioError, UsageError

__all__ = ["EACH", "LOUDEST", "MEAN", "cancels", "check_channel", "pick"]

MEAN: Final = "mean"
EACH: Final = "each"
"""Every channel by itself: in training a recording of its own, in prediction windows of its own."""
LOUDEST: Final = "max-energy"
"""The channel with the most energy over the whole recording."""

CANCELLED_DB: Final = 30.0
"""Channels whose mean lies this far below them are opposite in phase."""


def check_channel(channel: str) -> None:
    """Check the name of a channel: ``mean``, ``each``, ``max-energy`` or a number from 0.

    Raises
    ------
    UsageError : another name
    """
    if channel not in (MEAN, EACH, LOUDEST) and not (channel.isascii() and channel.isdigit()):
        raise UsageError(f"`channel` must be {MEAN}, {EACH}, {LOUDEST} or a number from 0. Got {channel!r}.")


def pick(frames: Samples, channel: str, name: str) -> Samples:
    """Return one channel of frames.

    Parameters
    ----------
    frames : float32, shape (n, channels)
    channel : str
        ``mean``, or a number from 0.
    name : str
        Of the sound, for messages.

    Returns
    -------
    float32, shape (n,)

    Raises
    ------
    AudioError : the sound lacks that channel
    """
    if channel == MEAN:
        return _mean(frames)
    number = int(channel)
    if number >= frames.shape[1]:
        raise AudioError(
            f"{name}: channel {number} was asked for, and the sound has {frames.shape[1]}, counted from 0. Name "
            "another channel, or `mean`."
        )
    return np.ascontiguousarray(frames[:, number])


def _mean(frames: Samples) -> Samples:
    # Channel by channel: the order of NumPy's sum over an axis, and so the last bit, may depend on the block's shape.
    mono: Samples = frames[:, 0]
    if frames.shape[1] == 1:
        return mono
    with np.errstate(over="ignore", invalid="ignore"):  # the reader refuses samples that are not finite
        mono = mono.copy()
        for channel in range(1, frames.shape[1]):
            mono += frames[:, channel]
        mono /= np.float32(frames.shape[1])
    return mono


def cancels(mean_energy: float, energy: float) -> bool:
    """Whether channels are opposite in phase, so that next to nothing is left in their mean.

    Parameters
    ----------
    mean_energy : float
        Of the mean of the channels.
    energy : float
        Of the channels, on average.
    """
    return mean_energy < energy * 10 ** (-CANCELLED_DB / 10)
