"""One live stream: raw samples in, messages out, and an entry of the log every minute."""

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
    """The sound of one client, as it comes; no two threads at a time.

    Parameters
    ----------
    model : what answers, from beginning to end
    rate_hz : samples a second
    sample_format : s16, s32 or f32, little endian
    request : which answers are told as they come
    origin : what entries keep of the sound
    settings : how often an entry is cut, and which sounds are kept

    Raises
    ------
    UsageError : an unknown format, or a hop or events that do not fit the model
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
        self._rest = b""
        self._held: list[Samples] = []
        self._n_since_cut = 0
        self.n_samples = 0
        """Samples heard so far."""

    @property
    def is_due(self) -> bool:
        """Whether it is time for an entry."""
        return self._n_since_cut >= self._settings.stream_cut_s * self.rate_hz

    def push(self, content: bytes) -> list[dict[str, Any]]:
        """Take the next bytes, which may end within a sample, and return what is to be told.

        Raises
        ------
        AudioError : a sample that is not finite
        FeatureError : a window that cannot become numbers
        """
        content = self._rest + content
        size = np.dtype(self._dtype).itemsize
        whole = len(content) - len(content) % size
        self._rest = content[whole:]
        samples = (np.frombuffer(content[:whole], self._dtype) * self._scale).astype(np.float32)
        self.n_samples += samples.size
        self._n_since_cut += samples.size
        if self._settings.may_keep_sound(self._n_since_cut / self.rate_hz):
            self._held.append(samples)
        else:
            self._held = []
        return _told(self._levels.push(self._stream.push(samples)))

    def end(self) -> list[dict[str, Any]]:
        """End the sound, and return what is still to be told."""
        return _told([*self._levels.push(self._stream.flush()), *self._levels.flush()])

    def cut(self) -> tuple[Entry, bytes | None] | None:
        """Return what was heard since the last cut as an entry with its FLAC; None if that was silence, or nothing."""
        held, n_samples = self._held, self._n_since_cut
        self._held, self._n_since_cut = [], 0
        try:
            recording = self._stream.recording()
        except AudioError:
            self._stream.begin_recording()
            return None
        made = self._origin.entry(self._stream, recording)
        self._stream.begin_recording()
        is_kept = bool(held) and is_sound_kept(made, n_samples / self.rate_hz, self._settings)
        return made, encode_flac(np.concatenate(held), self.rate_hz) if is_kept else None


def _told(predictions: list[Prediction]) -> list[dict[str, Any]]:
    return [prediction.as_json() for prediction in predictions]
