"""Read a pipe of raw samples or WAV as an iterator of blocks of samples."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from auricle.audio.channels import EACH, LOUDEST, MEAN, check_channel, pick
from auricle.audio.clip import Samples
from auricle.audio.decoding.containers import is_adts, sniff, sniff_foreign
from auricle.audio.decoding.libsndfile import MAX_CHANNELS
from auricle.audio.decoding.mpeg import find_first_frame
from auricle.errors import AudioError, UsageError

__all__ = ["SAMPLE_FORMATS", "PipeInput", "blocks", "open_pipe"]

SAMPLE_FORMATS: dict[str, tuple[str, float]] = {"s16": ("<i2", 2.0**-15), "s32": ("<i4", 2.0**-31), "f32": ("<f4", 1.0)}
"""NumPy type and scale factor of each raw format, by name."""

_BLOCK_BYTES = 1 << 16
_HEAD_BYTES = 12
_MAX_HEADER_BYTES = 1 << 20
_ENDLESS_BYTES = 0x7FFF0000  # recorders that write to a pipe give about the largest number of 31 or 32 bits
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_WAV_FORMATS = {(_PCM, 16): "s16", (_PCM, 32): "s32", (_FLOAT, 32): "f32"}
_FRAMES_BYTES = 4096  # hold two frames of most MP3s


@dataclass(frozen=True, slots=True, eq=False)
class PipeInput:
    """Sound on a pipe: its rate, its blocks, float32 of one channel, and the number of channels averaged in them."""

    rate_hz: int
    blocks: Iterator[Samples]
    channels: int = 1


@dataclass(frozen=True, slots=True)
class _Header:
    rate_hz: int
    channels: int
    sample_format: str
    n_bytes: int | None
    """Of sound; None for an endless stream."""


def open_pipe(stream: BinaryIO, *, rate_hz: int | None, sample_format: str = "s16", channel: str = MEAN) -> PipeInput:
    """Detect whether a pipe carries WAV or raw samples of one channel, and return its blocks.

    Parameters
    ----------
    stream : binary file object
        Raw samples, little endian, or a WAV of 16 or 32 bits or floating point.
    rate_hz : int, optional
        Rate of raw samples; for a WAV, None or the header's.
    sample_format : str
        Format of raw samples, a key of ``SAMPLE_FORMATS``.
    channel : str
        Of a WAV: ``mean``, or a number from 0.

    Raises
    ------
    UsageError : raw samples without a rate, a rate other than the header's, an unknown format, or a channel that needs
        the whole recording
    AudioError : another file format, or a WAV that cannot be read
    """
    check_sample_format(sample_format)
    check_channel(channel)
    head = _exactly(stream, _HEAD_BYTES)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        header = _wav_header(stream)
        if rate_hz not in (None, header.rate_hz):
            raise UsageError(f"`rate_hz` must be the WAV header's {header.rate_hz}. Got {rate_hz}; leave it out.")
        if channel in (EACH, LOUDEST) and header.channels > 1:
            raise UsageError(
                f"`channel` {channel} needs a whole recording, and a pipe has none. Name the channel of the "
                f"{header.channels} by its number, or mean."
            )
        if header.channels == 1 and channel in (EACH, LOUDEST):
            channel = MEAN
        blocks = _blocks(
            stream, header.sample_format, channels=header.channels, n_bytes=header.n_bytes, channel=channel
        )
        return PipeInput(header.rate_hz, blocks, header.channels)
    form = sniff(head) or sniff_foreign(head)
    if form in ("MP3", "AAC") and head[:3] != b"ID3":  # two bytes of sync, which samples may hold by chance
        head += _exactly(stream, _FRAMES_BYTES)
        form = form if find_first_frame(head) == 0 or is_adts(head) else None
    if form is not None:
        raise AudioError(f"A pipe must carry raw samples or WAV. This one carries {form}: name the file.")
    if rate_hz is None:
        raise UsageError("`rate_hz` must be given for raw samples: only a WAV says its rate itself.")
    return PipeInput(rate_hz, _blocks(stream, sample_format, first=head))


def blocks(stream: BinaryIO, sample_format: str = "s16") -> Iterator[Samples]:
    """Yield raw samples of one channel as float32 blocks, as soon as they arrive.

    Parameters
    ----------
    stream : binary file object
        Raw samples, little endian.
    sample_format : str
        A key of ``SAMPLE_FORMATS``.

    Raises
    ------
    UsageError : an unknown format
    AudioError : the stream ends in the middle of a sample, after all whole samples
    """
    check_sample_format(sample_format)
    yield from _blocks(stream, sample_format)


def check_sample_format(sample_format: str) -> None:
    """Check that a format is a key of ``SAMPLE_FORMATS``.

    Raises
    ------
    UsageError : an unknown format
    """
    if sample_format not in SAMPLE_FORMATS:
        raise UsageError(f"`sample_format` must be among {', '.join(SAMPLE_FORMATS)}. Got {sample_format!r}.")


def _blocks(
    stream: BinaryIO,
    sample_format: str,
    *,
    first: bytes = b"",
    channels: int = 1,
    n_bytes: int | None = None,
    channel: str = MEAN,
) -> Iterator[Samples]:
    dtype, scale = SAMPLE_FORMATS[sample_format]
    size = np.dtype(dtype).itemsize * channels
    read = getattr(stream, "read1", stream.read)  # returns at once with the bytes that are there
    rest, left = b"", float("inf") if n_bytes is None else n_bytes
    while chunk := first or read(int(min(_BLOCK_BYTES, left))):
        first = b""
        left -= len(chunk)
        chunk = rest + chunk
        whole = len(chunk) - len(chunk) % size
        rest = chunk[whole:]
        if whole:
            frames = (np.frombuffer(chunk[:whole], dtype).reshape(-1, channels) * scale).astype(np.float32)
            yield pick(frames, channel, "The stream")
    if rest:
        raise AudioError(
            f"The stream must end with a whole sample of {size} bytes. {len(rest)} are left over; was it cut off?"
        )


def _wav_header(stream: BinaryIO) -> _Header:
    """Read the chunks of a WAV up to its sound."""
    sound_format: tuple[int, int, str] | None = None
    n_header_bytes = 0
    while len(head := _exactly(stream, 8)) == 8 and n_header_bytes < _MAX_HEADER_BYTES:
        name, size = struct.unpack("<4sI", head)
        if name == b"data" and sound_format is not None:
            return _Header(*sound_format, n_bytes=size if 0 < size < _ENDLESS_BYTES else None)
        if name == b"data" or size > _MAX_HEADER_BYTES:
            break
        chunk = _exactly(stream, size + size % 2)
        n_header_bytes += len(chunk)
        if name == b"fmt ":
            sound_format = _wav_format(chunk)
    raise AudioError("A WAV on a pipe must say its format and then hold sound. This one does not; was it cut off?")


def _wav_format(chunk: bytes) -> tuple[int, int, str]:
    if len(chunk) < 16:
        raise AudioError("A WAV on a pipe must say its rate, channels and format. This one does not.")
    kind, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = int.from_bytes(chunk[24:26], "little")
    sample_format = _WAV_FORMATS.get((kind, bits))
    if sample_format is None or not 1 <= channels <= MAX_CHANNELS or rate_hz < 1:
        raise AudioError(
            f"A WAV on a pipe must have 16 or 32 bits or floating point, 1 to {MAX_CHANNELS} channels and a rate. This "
            f"one has format {kind} of {bits} bits, {channels} channels, {rate_hz} Hz. Convert it, or name the file."
        )
    return rate_hz, channels, sample_format


def _exactly(stream: BinaryIO, count: int) -> bytes:
    """Read ``count`` bytes, or fewer at the end of the stream; a pipe returns them in pieces of any size."""
    got = b""
    while len(got) < count and (piece := stream.read(count - len(got))):
        got += piece
    return got
