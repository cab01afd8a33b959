"""Raw samples from a pipe become blocks."""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from auricle.audio.clip import Samples
from auricle.errors import AudioError, UsageError

__all__ = ["SAMPLE_FORMATS", "blocks"]

SAMPLE_FORMATS: dict[str, tuple[str, float]] = {"s16": ("<i2", 2.0**-15), "s32": ("<i4", 2.0**-31), "f32": ("<f4", 1.0)}
"""Names of raw formats, their NumPy types, and what full scale is divided by."""

_BLOCK_BYTES = 1 << 16


def blocks(stream: BinaryIO, sample_format: str = "s16") -> Iterator[Samples]:
    """Yield what arrives on a pipe, one channel, as float32 blocks of whatever size is there.

    Parameters
    ----------
    stream : raw samples, little endian
    sample_format : key of ``SAMPLE_FORMATS``

    Raises
    ------
    UsageError : an unknown format
    AudioError : the stream ends in the middle of a sample, after all whole samples were given
    """
    if sample_format not in SAMPLE_FORMATS:
        raise UsageError(f"`sample_format` must be among {', '.join(SAMPLE_FORMATS)}. Got {sample_format!r}.")
    dtype, scale = SAMPLE_FORMATS[sample_format]
    size = np.dtype(dtype).itemsize
    read = getattr(stream, "read1", stream.read)  # what is there now, not a full buffer later
    rest = b""
    while chunk := read(_BLOCK_BYTES):
        chunk = rest + chunk
        whole = len(chunk) - len(chunk) % size
        rest = chunk[whole:]
        if whole:
            yield (np.frombuffer(chunk[:whole], dtype) * scale).astype(np.float32)
    if rest:
        raise AudioError(
            f"The stream must end with a whole sample of {size} bytes. {len(rest)} are left over; was it cut off?"
        )
