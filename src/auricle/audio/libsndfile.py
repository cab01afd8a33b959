"""libsndfile, opened without names, held to its word by reading on, and with errors that say which file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile

from auricle.audio.clip import Samples
from auricle.audio.containers import FORMATS, Repaired, payload, sniff
from auricle.errors import AudioError

__all__ = ["MAX_CHANNELS", "MAX_RATE_HZ", "Decoder", "mix"]

MAX_CHANNELS = 32
MAX_RATE_HZ = 1_000_000

_NO_CLAIM = 1 << 62  # libsndfile counts nearly 2^63 frames where the header does not say
_BAD_INFO = 24  # libsndfile's SFE_BAD_SF_INFO, which a rate of 0 Hz gives
_SUBTYPES = frozenset(
    {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"}
    | {"VORBIS", "OPUS", "MPEG_LAYER_III"}
)


class _Unsought(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file without the seek that soundfile makes after every read: it changes what lossy decoders give next."""

    def seekable(self) -> bool:
        return False


class Decoder:
    """Decodes the frames of an open file whose content, not its name, says what it is.

    Attributes
    ----------
    format : one of WAV, FLAC, OGG, MP3, AIFF
    rate_hz : samples a second
    channels : how many there are
    n_frames : frames that the header claims, or None where it does not say
    has_exact_claim : whether a file that ends before ``n_frames`` is damaged; an MP3's may be an estimate

    Raises
    ------
    AudioError : not sound, truncated, not decodable, a rate beyond 1 to 1,000,000 Hz, or more than 32 channels
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        self.format = _format(file, name)
        self._file = _open(_whole(file, self.format, name), name)  # kept: soundfile holds no reference to what it reads
        self.rate_hz: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.n_frames: int | None = self._file.frames if self._file.frames < _NO_CLAIM else None
        self.has_exact_claim = self.format != "MP3" and self.n_frames is not None
        try:
            self._check()
        except AudioError:
            self.close()
            raise

    def close(self) -> None:
        """Free the decoder; the file itself stays open."""
        self._file.close()

    def read(self, count: int) -> Samples:
        """Decode the next frames: float32, shape (n, channels), n ≤ ``count``, and 0 only at the end."""
        # As they are stored: libsndfile itself takes three times as long to make the same floats of them.
        is_short = self._file.subtype == "PCM_16"
        with _named_errors(self._name):
            frames: Samples = self._file.read(count, dtype="int16" if is_short else "float32", always_2d=True)
        if not is_short:
            return frames
        samples: Samples = frames.astype(np.float32)
        samples *= np.float32(1 / 32_768)
        return samples

    def skip(self, count: int, *, block: int) -> int:
        """Go forward by as many frames and return how many there were.

        Lossless files are searched; lossy ones are decoded up to there, ``block`` frames at a time, since a seek
        would change the bits of what follows.
        """
        if count and self.format in ("WAV", "AIFF", "FLAC"):
            with _named_errors(self._name):
                return int(self._file.seek(count, soundfile.SEEK_CUR))
        skipped = 0
        while skipped < count and (dropped := len(self.read(min(block, count - skipped)))):
            skipped += dropped
        return skipped

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


def mix(frames: Samples) -> Samples:
    """Return the plain mean of the channels: float32, shape (n,), from shape (n, channels)."""
    # Channel by channel: a sum over an axis may change its order with the shape, and so the last bit with the block.
    mono: Samples = frames[:, 0]
    if frames.shape[1] == 1:
        return mono
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused by the reader, with its place
        mono = mono.copy()
        for channel in range(1, frames.shape[1]):
            mono += frames[:, channel]
        mono /= np.float32(frames.shape[1])
    return mono


def _format(file: BinaryIO, name: str) -> str:
    head = file.read(16)
    known = sniff(head)
    if known is not None:
        return known
    if not head:
        raise AudioError(f"{name}: the file is empty (0 bytes). Remove it, or copy it again from its source.")
    raise AudioError(
        f"{name}: not sound that auricle reads ({', '.join(FORMATS)}): it begins with {head!r}. "
        "Convert it, for example to FLAC, or remove it."
    )


def _whole(file: BinaryIO, format_name: str, name: str) -> BinaryIO:
    """Check that a file holds the bytes of sound that it claims, and return what to decode."""
    found = payload(file, format_name)
    file.seek(0)
    if found is None:
        return file
    if found.is_unfinished:
        return Repaired(file, found.size_at)  # type: ignore[return-value]  # libsndfile needs no more than it has
    if found.claimed is not None and found.claimed > found.held:
        raise AudioError(
            f"{name}: the file is truncated: its header promises {found.claimed} bytes of sound, and {found.held} are "
            "there. Copy it again from its source."
        )
    return file


def _open(file: BinaryIO, name: str) -> _Unsought:
    # A descriptor, never a path: libsndfile guesses from names. And with no Python between, decoding frees the GIL.
    with _named_errors(name):
        return _Unsought(file if isinstance(file, Repaired) else file.fileno(), closefd=False)


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        if error.code == _BAD_INFO:
            raise _bad_rate(name, "0 Hz or less") from error
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        raise AudioError(
            f"{name}: the sound cannot be decoded ({reason}). The file is damaged or incomplete: "
            "copy it again from its source."
        ) from error


def _bad_rate(name: str, got: str) -> AudioError:
    return AudioError(f"{name}: the sample rate must be from 1 to {MAX_RATE_HZ} Hz. Got {got}: the header is wrong.")
