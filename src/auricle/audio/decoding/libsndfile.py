"""Decode WAV, FLAC, OGG, MP3 and AIFF with libsndfile, in order, with errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile

from auricle.audio.clip import Samples
from auricle.audio.decoding import mpeg
from auricle.audio.decoding.containers import RepairedFile, find_data_chunk
from auricle.audio.decoding.frames import skip_by_reading
from auricle.errors import AudioError

__all__ = ["MAX_CHANNELS", "MAX_RATE_HZ", "Decoder"]

MAX_CHANNELS = 32
MAX_RATE_HZ = 1_000_000

_UNKNOWN_FRAMES = 1 << 62  # libsndfile reports nearly 2^63 frames where the header holds no length
_BAD_INFO_CODE = 24  # libsndfile's SFE_BAD_SF_INFO, raised for a rate of 0 Hz
_SUBTYPES = frozenset(
    {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"}
    | {"VORBIS", "OPUS", "MPEG_LAYER_III"}
)


class _SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file without soundfile's seek after every read, which changes the next samples of lossy decoders."""

    def seekable(self) -> bool:
        return False


class Decoder:
    """A `FrameDecoder` (auricle.audio.decoding.frames) of an open file.

    Parameters
    ----------
    file : binary file
    name : str
        In messages.
    form : str
        One of WAV, FLAC, OGG, MP3, AIFF, as its content tells.
    layout : Layout, optional
        Of an MP3 whose header does not count its frames.
    is_own : bool
        Whether the file is closed with the decoder.

    Raises
    ------
    AudioError
        Truncated, not decodable, a rate outside 1 to 1,000,000 Hz, or more than 32 channels.
    """

    def __init__(
        self, file: BinaryIO, name: str, form: str, *, layout: mpeg.Layout | None = None, is_own: bool = False
    ) -> None:
        self._name = name
        self.format = form
        self._source = file if is_own else None
        self._file = _open(_checked(file, form, name), name)  # kept: soundfile holds no reference to it
        if layout is not None and self._file.frames < layout.n_samples:  # an estimate, and nothing is decoded beyond it
            self.close()
            file.seek(0)
            self._source = mpeg.readable(file.read(), layout)
            self._file = _open(self._source, name)
        self.rate_hz: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.n_frames: int | None = self._file.frames if self._file.frames < _UNKNOWN_FRAMES else None
        self.has_exact_length = form != "MP3" and self.n_frames is not None
        try:
            self._check()
        except AudioError:
            self.close()
            raise

    def close(self) -> None:
        """Free the decoder; the file itself stays open unless it is the decoder's own."""
        self._file.close()
        if self._source is not None:
            self._source.close()

    def read(self, count: int) -> Samples:
        """Decode the next frames: float32, shape (n, channels), n ≤ ``count``; n is 0 only at the end."""
        # Read as int16: libsndfile takes three times as long for the same floats.
        is_short = self._file.subtype == "PCM_16"
        with _named_errors(self._name):
            frames: Samples = self._file.read(count, dtype="int16" if is_short else "float32", always_2d=True)
        if not is_short:
            return frames
        samples: Samples = frames.astype(np.float32)
        samples *= np.float32(1 / 32_768)
        return samples

    def skip(self, count: int, *, block: int) -> int:
        """Skip ``count`` frames and return how many the file had.

        Lossless files are seeked; lossy ones are decoded, ``block`` frames at a time, because a seek changes the
        bits of the next samples.
        """
        if count and self.format in ("WAV", "AIFF", "FLAC"):
            with _named_errors(self._name):
                return int(self._file.seek(count, soundfile.SEEK_CUR))
        return skip_by_reading(self.read, count, block=block)

    def _check(self) -> None:
        if self._file.subtype not in _SUBTYPES:
            kind = f"{self._file.format} with {self._file.subtype}"
            raise AudioError(f"{self._name}: auricle does not read {kind}. Convert it, for example to FLAC.")
        if not 1 <= self.rate_hz <= MAX_RATE_HZ:
            raise _bad_rate(self._name, f"{self.rate_hz} Hz")
        if self.channels > MAX_CHANNELS:
            raise AudioError(
                f"{self._name}: at most {MAX_CHANNELS} channels are mixed to one. Got {self.channels}, as an array "
                "records them: write the channel or beam that you want to a file of its own."
            )


def _checked(file: BinaryIO, format_name: str, name: str) -> BinaryIO:
    """Check that a file holds the bytes that its header claims, and return the file to decode."""
    chunk = find_data_chunk(file, format_name)
    file.seek(0)
    if chunk is None:
        return file
    if chunk.is_unfinished:
        return RepairedFile(file, chunk.size_offset)  # type: ignore[return-value]  # libsndfile needs no more of it
    if chunk.claimed_bytes is not None and chunk.claimed_bytes > chunk.available_bytes:
        raise AudioError(
            f"{name}: the file is truncated: its header promises {chunk.claimed_bytes} bytes of sound, and "
            f"{chunk.available_bytes} are there. Copy it again from its source."
        )
    return file


def _open(file: BinaryIO, name: str) -> _SequentialFile:
    # A descriptor: libsndfile guesses formats from paths, and decoding without a Python file object releases the GIL.
    with _named_errors(name):
        return _SequentialFile(file if isinstance(file, RepairedFile) else file.fileno(), closefd=False)


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        if error.code == _BAD_INFO_CODE:
            raise _bad_rate(name, "0 Hz or less") from error
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        raise AudioError(
            f"{name}: the sound cannot be decoded ({reason}). The file is damaged or incomplete: "
            "copy it again from its source."
        ) from error


def _bad_rate(name: str, got: str) -> AudioError:
    return AudioError(f"{name}: the sample rate must be from 1 to {MAX_RATE_HZ} Hz. Got {got}: the header is wrong.")
