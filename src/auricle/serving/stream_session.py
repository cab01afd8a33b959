"""One live stream: raw samples in, predictions out as JSON, and a log entry every minute."""

from typing import TYPE_CHECKING, Any

import numpy as np

from auricle.errors import AudioError
from auricle.prediction.live.pcm import SAMPLE_FORMATS, check_sample_format
from auricle.prediction.model import LoadedModel
from auricle.prediction.request import PredictionRequest, RequestedLevels
from auricle.prediction.stream import Stream
from auricle.records import Entry, Prediction
from auricle.serving.inference import SoundOrigin, encode_flac, is_sound_kept
from auricle.serving.settings import Settings

if TYPE_CHECKING:
    from auricle.audio.clip import Samples

__all__ = ["StreamSession"]


class StreamSession:
    """The sound of one client as it arrives; used by one thread at a time.

    Parameters
    ----------
    model : LoadedModel
        Used for the whole stream.
    rate_hz : int
        Sample rate.
    sample_format : {"s16", "s32", "f32"}
        Little endian.
    request : PredictionRequest
        Which predictions to send as they are made.
    origin : SoundOrigin
    settings : Settings
        Length of an entry, and which sounds to keep.

    Raises
    ------
    UsageError : the format is unknown, or the hop or events do not fit the model
    """

    def __init__(
        self,
        model: LoadedModel,
        *,
        rate_hz: int,
        sample_format: str,
        request: PredictionRequest,
        origin: SoundOrigin,
        settings: Settings,
    ) -> None:
        check_sample_format(sample_format)
        self._dtype, self._scale = SAMPLE_FORMATS[sample_format]
        self.model = model
        self.rate_hz = rate_hz
        self._stream = Stream(model, rate_hz=rate_hz, hop_s=request.hop_s, source=origin.source)
        self._levels = RequestedLevels(model, request, announce=True)
        self._origin, self._settings = origin, settings
        self._partial_sample = b""
        self._blocks: list[Samples] = []
        self._n_since_cut = 0
        self.n_samples = 0
        """Samples received so far."""

    @property
    def is_due(self) -> bool:
        """Whether the current entry has its full length."""
        return self._n_since_cut >= self._settings.stream_cut_s * self.rate_hz

    def push(self, content: bytes) -> list[dict[str, Any]]:
        """Take the next bytes, which may end within a sample, and return new predictions as JSON.

        Raises
        ------
        AudioError : a sample is not finite
        FeatureError : the features of a window cannot be computed
        """
        content = self._partial_sample + content
        n_whole = len(content) - len(content) % np.dtype(self._dtype).itemsize
        self._partial_sample = content[n_whole:]
        samples = (np.frombuffer(content[:n_whole], self._dtype) * self._scale).astype(np.float32)
        self.n_samples += samples.size
        self._n_since_cut += samples.size
        if self._settings.may_keep_sound(self._n_since_cut / self.rate_hz):
            self._blocks.append(samples)
        else:
            self._blocks = []
        return _as_json(self._levels.push(self._stream.push(samples)))

    def end(self) -> list[dict[str, Any]]:
        """End the sound, and return the last predictions as JSON."""
        return _as_json([*self._levels.push(self._stream.flush()), *self._levels.flush()])

    def cut(self) -> tuple[Entry, bytes | None] | None:
        """Return the sound since the last cut as an entry and its FLAC; None if it is empty or silent."""
        blocks, n_samples = self._blocks, self._n_since_cut
        self._blocks, self._n_since_cut = [], 0
        try:
            recording = self._stream.recording()
        except AudioError:
            self._stream.begin_recording()
            return None
        entry = self._origin.entry(self._stream, recording)
        self._stream.begin_recording()
        is_kept = bool(blocks) and is_sound_kept(entry, n_samples / self.rate_hz, self._settings)
        return entry, encode_flac(np.concatenate(blocks), self.rate_hz) if is_kept else None


def _as_json(predictions: list[Prediction]) -> list[dict[str, Any]]:
    return [prediction.as_json() for prediction in predictions]
