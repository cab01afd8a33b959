"""Read sound files, whole or in blocks of bounded size, as one channel of float32 samples."""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import numpy as np

from auricle.audio.channels import EACH, LOUDEST, MEAN, cancels, check_channel, pick
from auricle.audio.clip import Clip, Samples
from auricle.audio.decoding.encoded import open_decoder
from auricle.audio.resample import Resampler, resample
from auricle.audio.sources import Source, name_of, open_source
from auricle.errors import AudioError, UsageError

__all__ = ["Sound", "open_sound", "part_samples", "read"]

_BLOCK_VALUES = 1 << 16  # samples decoded at once, all channels together
_HEARD = 512  # frames of each block that show whether channels cancel
_END_TOLERANCE_S = 0.05  # annotations are rounded, and lossy codecs shorten


class Sound:
    """An open sound file: the facts of its header, and its samples in blocks. Made by `open_sound`; a context manager.

    Attributes
    ----------
    name : str
        Name in error messages.
    format : str
        One of WAV, FLAC, OGG, MP3, AIFF.
    rate_hz : int
        Sample rate.
    channels : int
        Number of channels; `blocks` yields one, or their mean.
    n_frames : int or None
        Length in the header, which may be wrong; None where it holds none.
    left_out : tuple of str
        What of the file is not decoded, such as further tracks of sound.
    """

    def __init__(self, source: Source, *, name: str | None = None) -> None:
        self.name = name_of(source) if name is None else name
        self._is_read = False
        with ExitStack() as stack:
            self._file = stack.enter_context(open_source(source))
            self._decoder, self.left_out = open_decoder(self._file, self.name)
            stack.callback(self._close_decoder)
            self._stack = stack.pop_all()
        self.format = self._decoder.format
        self.rate_hz = self._decoder.rate_hz
        self.channels = self._decoder.channels
        self.n_frames = self._decoder.n_frames

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def _close_decoder(self) -> None:
        self._decoder.close()  # of the last opened: the loudest channel takes two

    def blocks(
        self, *, rate_hz: int | None = None, start_s: float = 0.0, end_s: float | None = None, channel: str = MEAN
    ) -> Iterator[Samples]:
        """Yield the samples of one channel, or the mean of all, once, in blocks of bounded size.

        Parameters
        ----------
        rate_hz : int or None
            Sample rate of the blocks; None for that of the file.
        start_s, end_s : float
            The part to read, in seconds of the file; None for its end.
        channel : str
            ``mean``, a number from 0, or ``max-energy``, which decodes the part twice.

        Yields
        ------
        float32, shape (n,), n ≥ 1
            The bits do not depend on the size of the blocks.

        Raises
        ------
        AudioError
            The file ends before its header says or before ``end_s``, cannot be decoded, holds a sample that is not
            finite, holds nothing in that part, lacks the channel, or has channels that cancel each other in the mean.
        UsageError
            The blocks were already read, the part is empty or begins before 0, or the channel is unknown or ``each``.
        """
        if self._is_read:
            raise UsageError(f"{self.name}: the blocks of an open sound are read once. Open it again.")
        self._is_read = True
        check_channel(channel)
        if channel == EACH:
            raise UsageError(f"{self.name}: the channels of an open sound are read one at a time. Name one.")
        start, stop = part_samples(start_s, end_s, self.rate_hz)
        to_hz = self.rate_hz if rate_hz is None else rate_hz
        resampler = Resampler(self.rate_hz, to_hz)
        growth = max(1.0, to_hz / self.rate_hz)
        n_yielded = 0
        block_frames = max(1, int(_BLOCK_VALUES / self.channels / growth))
        if channel == LOUDEST:
            channel = self._loudest(start, stop, block_frames)
        for block in self._frames(start, stop, block_frames, channel):
            ready = resampler.push(block)
            n_yielded += ready.size
            if ready.size:
                yield ready
        ready = resampler.flush()
        if n_yielded + ready.size == 0:
            raise AudioError(f"{self.name}: the sound must be at least one sample long at {to_hz} Hz. It is shorter.")
        if ready.size:
            yield ready

    def _loudest(self, start: int, stop: int | None, block_frames: int) -> str:
        """Return the channel with the most energy in frames [start, stop), and rewind."""
        if self.channels == 1:
            return "0"
        energies = np.zeros(self.channels)
        left, _ = np.inf if stop is None else stop - start, self._decoder.skip(start, block=block_frames)
        while left > 0 and len(frames := self._decoder.read(int(min(block_frames, left)))):
            energies += np.square(frames, dtype=np.float64).sum(axis=0)
            left -= len(frames)
        self._decoder.close()
        self._file.seek(0)
        self._decoder, _ = open_decoder(self._file, self.name)
        return str(int(energies.argmax()))

    def _frames(self, start: int, stop: int | None, block_frames: int, channel: str) -> Iterator[Samples]:
        """Yield frames [start, stop) as one channel, and check the length of the file."""
        mean_energy = energy = 0.0
        claimed, last = self.n_frames or 0, stop
        if self._decoder.has_exact_length:
            self._check_part(start, stop, claimed)
            last = claimed if stop is None else min(stop, claimed)
        position = self._decoder.skip(start, block=block_frames)
        while position != last:
            # The header's length may shrink a block, never grow it.
            count = min(block_frames, claimed - position) if claimed > position else block_frames
            frames = self._decoder.read(count if last is None else min(count, last - position))
            if len(frames) == 0:
                break
            samples = self._finite(pick(frames, channel, self.name), position)
            if channel == MEAN and self.channels > 1:
                mean_energy += float(np.vdot(samples[:_HEARD], samples[:_HEARD]))
                energy += float(np.vdot(frames[:_HEARD], frames[:_HEARD])) / self.channels
            yield samples
            position += len(frames)
        if cancels(mean_energy, energy):
            raise AudioError(
                f"{self.name}: the channels of a recording must not cancel each other. In their mean nearly nothing is "
                "left: one is the inverse of another. Choose one (`channel`): 0, or max-energy."
            )
        if position == 0:
            raise AudioError(f"{self.name}: the file must hold at least one sample of sound. It holds none. Remove it.")
        if self._decoder.has_exact_length and position != last:
            raise AudioError(
                f"{self.name}: the file is truncated or damaged: its header promises {claimed} frames, and the sound "
                f"ends at frame {position} ({position / self.rate_hz:.3f} s). Copy it again from its source."
            )
        self._check_part(start, stop, position)

    def _finite(self, samples: Samples, start: int) -> Samples:
        finite = np.isfinite(samples)
        if not finite.all():
            first = int(np.argmin(finite))
            index = start + first
            raise AudioError(
                f"{self.name}: every sample must be finite. Sample {index} ({index / self.rate_hz:.3f} s) is "
                f"{samples[first]}. Repair or remove the recording."
            )
        return samples

    def _check_part(self, start: int, stop: int | None, length: int) -> None:
        _check_part(start, stop, length, self.rate_hz, self.name)


def open_sound(source: Source, *, name: str | None = None) -> Sound:
    """Open a sound file to read it in blocks, in constant memory.

    Parameters
    ----------
    source : path, bytes or binary file object
        The format is detected from the content, not from the name.
    name : str or None
        Name in error messages; None for the path.

    Raises
    ------
    AudioError
        No such file; not WAV, FLAC, OGG, MP3 or AIFF; truncated; a rate outside 1 to 1,000,000 Hz; or more than 32
        channels.
    """
    return Sound(source, name=name)


def read(
    source: Source | Clip,
    *,
    rate_hz: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    channel: str = MEAN,
) -> Clip:
    """Read a sound file, or a part of one, into memory as one channel, by default the mean of all channels.

    Parameters
    ----------
    source : path, bytes, binary file object or Clip
    rate_hz : int or None
        Sample rate of the clip; None keeps that of the file.
    start_s, end_s : float
        The part to read, in seconds of the file; None for its end.
    channel : str
        ``mean``, a number from 0, or ``max-energy``; a clip has one channel already.

    Raises
    ------
    AudioError
        As `open_sound` and `Sound.blocks`.
    UsageError
        A part that is empty or begins before 0, or a rate below 1 Hz.

    Examples
    --------
    >>> import numpy as np
    >>> import auricle
    >>> tone = auricle.Clip(np.sin(np.arange(16_000) / 9).astype(np.float32), rate_hz=16_000)
    >>> part = auricle.read(tone, rate_hz=8000, start_s=0.5)
    >>> part.rate_hz, part.samples.size
    (8000, 4000)
    """
    if isinstance(source, Clip):
        part = _part_of_clip(source, start_s, end_s)
        return part if rate_hz is None else resample(part, rate_hz)
    with open_sound(source) as sound:
        blocks = list(sound.blocks(rate_hz=rate_hz, start_s=start_s, end_s=end_s, channel=channel))
        samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        start, _ = part_samples(start_s, end_s, sound.rate_hz)
        to_hz = sound.rate_hz if rate_hz is None else rate_hz
        return Clip(samples, to_hz, source=sound.name, start_s=start / sound.rate_hz)


def _part_of_clip(clip: Clip, start_s: float, end_s: float | None) -> Clip:
    start, stop = part_samples(start_s, end_s, clip.rate_hz)
    _check_part(start, stop, clip.samples.size, clip.rate_hz, clip.source)
    start_s = clip.start_s + start / clip.rate_hz
    return Clip(clip.samples[start:stop], clip.rate_hz, source=clip.source, start_s=start_s)


def part_samples(start_s: float, end_s: float | None, rate_hz: int) -> tuple[int, int | None]:
    """Convert a part in seconds to samples: its first, and the one after its last (None for the end).

    Raises
    ------
    UsageError
        A part that is empty or begins before 0.
    """
    if not (math.isfinite(start_s) and start_s >= 0):
        raise UsageError(f"`start_s` must be 0 or more. Got {start_s}.")
    start = round(start_s * rate_hz)
    if end_s is None:
        return start, None
    stop = round(end_s * rate_hz) if math.isfinite(end_s) else 0
    if stop <= start:
        raise UsageError(f"`end_s` must be at least one sample after `start_s` ({start_s} s). Got {end_s}.")
    return start, stop


def _check_part(start: int, stop: int | None, length: int, rate_hz: int, name: str) -> None:
    """Raise an AudioError unless the part lies within ``length`` samples."""
    if (start and start >= length) or (stop is not None and stop - length > _END_TOLERANCE_S * rate_hz):
        end = "its end" if stop is None else f"{stop / rate_hz:.3f} s"
        raise AudioError(
            f"{name}: the part from {start / rate_hz:.3f} s to {end} must lie within the sound, which is "
            f"{length / rate_hz:.3f} s long."
        )
