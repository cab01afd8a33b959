"""Sound files become samples: one channel, in blocks of bounded size, and nothing is believed that a header claims."""

import math
from collections.abc import Iterator
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

import numpy as np

from auricle.audio.clip import Clip, Samples
from auricle.audio.libsndfile import Decoder, mix
from auricle.audio.resample import Resampler, resample
from auricle.audio.sources import Source, name_of, open_source
from auricle.errors import AudioError, UsageError

__all__ = ["Sound", "open_sound", "part_samples", "read"]

_BLOCK_VALUES = 1 << 16  # samples of all channels together that are decoded at once
_END_TOLERANCE_S = 0.05  # annotations are rounded, and lossy coders shorten


class Sound:
    """An open sound file: what its header says, and its sound in blocks. Made by `open_sound`; a context manager.

    Attributes
    ----------
    name : what messages call it
    format : one of WAV, FLAC, OGG, MP3, AIFF
    rate_hz : samples a second
    channels : how many there are; `blocks` mixes them
    n_frames : frames that the header claims, or None where it does not say; never trusted
    """

    def __init__(self, source: Source, *, name: str | None = None) -> None:
        self.name = name_of(source) if name is None else name
        self._begun = False
        with ExitStack() as stack:
            file = stack.enter_context(open_source(source))
            self._decoder = stack.enter_context(closing(Decoder(file, self.name)))
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

    def blocks(
        self, *, rate_hz: int | None = None, start_s: float = 0.0, end_s: float | None = None
    ) -> Iterator[Samples]:
        """Yield the sound once, mixed to one channel, in blocks of bounded size.

        Parameters
        ----------
        rate_hz : the rate to give the sound in; None for its own
        start_s, end_s : the part to read, in seconds of the file; None for its end

        Yields
        ------
        float32, shape (n,), n ≥ 1: the same samples, bit for bit, as blocks of any other size would hold

        Raises
        ------
        AudioError : the file ends before its header or ``end_s`` says, cannot be decoded, holds a sample that is not
            finite, or holds nothing in that part
        UsageError : the blocks were read already, or the part is empty or begins before 0
        """
        if self._begun:
            raise UsageError(f"{self.name}: the blocks of an open sound are read once. Open it again.")
        self._begun = True
        start, stop = part_samples(start_s, end_s, self.rate_hz)
        to_hz = self.rate_hz if rate_hz is None else rate_hz
        resampler = Resampler(self.rate_hz, to_hz)
        growth = max(1.0, to_hz / self.rate_hz)
        given = 0
        for block in self._frames(start, stop, max(1, int(_BLOCK_VALUES / self.channels / growth))):
            ready = resampler.push(block)
            given += ready.size
            if ready.size:
                yield ready
        ready = resampler.flush()
        if given + ready.size == 0:
            raise AudioError(f"{self.name}: the sound must be at least one sample long at {to_hz} Hz. It is shorter.")
        if ready.size:
            yield ready

    def _frames(self, start: int, stop: int | None, block_frames: int) -> Iterator[Samples]:
        """Yield frames [start, stop) as one channel."""
        claimed, last = self.n_frames or 0, stop
        if self._decoder.has_exact_claim:
            self._check_part(start, stop, claimed)
            last = claimed if stop is None else min(stop, claimed)
        at = self._decoder.skip(start, block=block_frames)
        while at != last:
            # The claim is used to ask for less than a block, never for more.
            count = min(block_frames, claimed - at) if claimed > at else block_frames
            frames = self._decoder.read(count if last is None else min(count, last - at))
            if len(frames) == 0:
                break
            yield self._finite(mix(frames), at)
            at += len(frames)
        if at == 0:
            raise AudioError(f"{self.name}: the file must hold at least one sample of sound. It holds none. Remove it.")
        if self._decoder.has_exact_claim and at != last:
            raise AudioError(
                f"{self.name}: the file is truncated or damaged: its header promises {claimed} frames, and the sound "
                f"ends at frame {at} ({at / self.rate_hz:.3f} s). Copy it again from its source."
            )
        self._check_part(start, stop, at)

    def _finite(self, samples: Samples, at: int) -> Samples:
        finite = np.isfinite(samples)
        if not finite.all():
            first = int(np.argmin(finite))
            place = at + first
            raise AudioError(
                f"{self.name}: every sample must be finite. Sample {place} ({place / self.rate_hz:.3f} s) is "
                f"{samples[first]}. Repair or remove the recording."
            )
        return samples

    def _check_part(self, start: int, stop: int | None, length: int) -> None:
        _check_part(start, stop, length, self.rate_hz, self.name)


def open_sound(source: Source, *, name: str | None = None) -> Sound:
    """Open a sound file to read it in blocks, in constant memory.

    Parameters
    ----------
    source : a path, the bytes of a file, or a binary file object. Its content says what it is; its name does not.
    name : what messages call it; None for its path, or what kind of thing it is

    Raises
    ------
    AudioError : no such file, not WAV, FLAC, OGG, MP3 or AIFF, truncated, of a rate beyond 1 to 1,000,000 Hz,
        or of more than 32 channels
    """
    return Sound(source, name=name)


def read(
    source: Source | Clip, *, rate_hz: int | None = None, start_s: float = 0.0, end_s: float | None = None
) -> Clip:
    """Read a sound file, or a part of one, into memory: one channel, the plain mean of all.

    Parameters
    ----------
    source : a path, the bytes of a file, a binary file object, or a clip
    rate_hz : the rate to bring it to; None keeps its own
    start_s, end_s : the part to read, in seconds of the file; None for its end

    Raises
    ------
    AudioError : what `open_sound` and `Sound.blocks` refuse
    UsageError : a part that is empty or begins before 0, or a rate below 1 Hz
    """
    if isinstance(source, Clip):
        part = _part_of_clip(source, start_s, end_s)
        return part if rate_hz is None else resample(part, rate_hz)
    with open_sound(source) as sound:
        blocks = list(sound.blocks(rate_hz=rate_hz, start_s=start_s, end_s=end_s))
        samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        start, _ = part_samples(start_s, end_s, sound.rate_hz)
        at_hz = sound.rate_hz if rate_hz is None else rate_hz
        return Clip(samples, at_hz, source=sound.name, start_s=start / sound.rate_hz)


def _part_of_clip(clip: Clip, start_s: float, end_s: float | None) -> Clip:
    start, stop = part_samples(start_s, end_s, clip.rate_hz)
    _check_part(start, stop, clip.samples.size, clip.rate_hz, clip.source)
    start_s = clip.start_s + start / clip.rate_hz
    return Clip(clip.samples[start:stop], clip.rate_hz, source=clip.source, start_s=start_s)


def part_samples(start_s: float, end_s: float | None, rate_hz: int) -> tuple[int, int | None]:
    """Return the first sample of a part that is given in seconds, and the one after its last; None for the end.

    Raises
    ------
    UsageError : a part that is empty or begins before 0
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
    """Refuse a part that does not lie in a sound of ``length`` samples."""
    if (start and start >= length) or (stop is not None and stop - length > _END_TOLERANCE_S * rate_hz):
        end = "its end" if stop is None else f"{stop / rate_hz:.3f} s"
        raise AudioError(
            f"{name}: the part from {start / rate_hz:.3f} s to {end} must lie within the sound, which is "
            f"{length / rate_hz:.3f} s long."
        )
