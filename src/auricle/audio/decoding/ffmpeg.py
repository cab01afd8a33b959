"""Decode what libsndfile does not know (AAC, ALAC, Opus in WebM, WMA, …) with FFmpeg, the extra ``formats``."""

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from auricle.audio.clip import Samples
from auricle.audio.decoding.frames import skip_by_reading
from auricle.errors import AudioError

__all__ = ["FfmpegDecoder", "is_installed"]

_SCALES = {"int16": 2.0**-15, "int32": 2.0**-31}


def is_installed() -> bool:
    """Return whether PyAV, which brings FFmpeg, is installed."""
    return importlib.util.find_spec("av") is not None


class FfmpegDecoder:
    """A `FrameDecoder` (auricle.audio.decoding.frames) of the first audio track of a file, in one thread.

    Parameters
    ----------
    file : binary file
    name : str
        In messages.
    form : str
        Its format, as its content tells.

    Attributes
    ----------
    n_tracks : int
        Audio tracks of the file.

    Raises
    ------
    AudioError : FFmpeg cannot read it, or it holds no sound
    """

    def __init__(self, file: BinaryIO, name: str, form: str) -> None:
        self._av: Any = importlib.import_module("av")
        self._av.logging.set_level(None)
        self._name, self.format = name, form
        self.n_frames: int | None = None  # no header of these formats counts frames exactly
        self.has_exact_length = False
        try:
            self._container = self._av.open(file, mode="r")
        except (self._av.FFmpegError, ValueError, OSError) as error:
            raise self._error(error) from error
        tracks = self._container.streams.audio
        self.n_tracks = len(tracks)
        if not tracks:
            self.close()
            raise AudioError(f"{name}: the file must hold a track of sound. It holds none.")
        tracks[0].thread_count = 1
        self.rate_hz = int(tracks[0].rate or 0)
        self.channels = int(tracks[0].channels)
        self._blocks = self._decoded(tracks[0])
        self._left: Samples = np.empty((0, self.channels), np.float32)

    def read(self, count: int) -> Samples:
        """Decode the next frames: float32, shape (n, channels), n ≤ ``count``; n is 0 only at the end."""
        while not len(self._left):
            block = next(self._blocks, None)
            if block is None:
                return self._left
            self._left = block
        frames, self._left = self._left[:count], self._left[count:]
        return np.ascontiguousarray(frames)

    def skip(self, count: int, *, block: int) -> int:
        """Decode and drop ``count`` frames, and return how many there were."""
        return skip_by_reading(self.read, count, block=block)

    def close(self) -> None:
        """Free the decoder; the file itself stays open."""
        self._container.close()

    def _decoded(self, track: Any) -> Iterator[Samples]:
        try:
            for frame in self._container.decode(track):
                values = frame.to_ndarray()
                frames = values.T if frame.format.is_planar else values.reshape(-1, len(frame.layout.channels))
                if frames.shape[1] != self.channels or frame.sample_rate != self.rate_hz:
                    raise AudioError(
                        f"{self._name}: a recording must have one sample rate and number of channels. They change at "
                        f"{float(frame.time or 0):.2f} s. Split it there."
                    )
                if frames.dtype == np.uint8:
                    yield (frames.astype(np.float32) - 128) / 128
                else:
                    yield frames.astype(np.float32) * np.float32(_SCALES.get(frames.dtype.name, 1.0))
        except (self._av.FFmpegError, ValueError) as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> AudioError:
        reason = getattr(error, "strerror", None) or str(error)
        return AudioError(
            f"{self._name}: the sound cannot be decoded ({reason}). The file is damaged or incomplete: copy it "
            "again from its source."
        )
