"""One live stream: raw samples in, predictions out as JSON, and a log entry every minute."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from auricle.errors import AudioError, RequestError
from auricle.prediction.live.pcm import SAMPLE_FORMATS, check_sample_format
from auricle.prediction.model import LoadedModel
from auricle.prediction.request import PredictionRequest, RequestedLevels
from auricle.prediction.stream import Stream
from auricle.records import Entry, Prediction
from auricle.serving.inference.cost import ModelCost
from auricle.serving.inference.memory import STREAMS_SHARE, MemoryBudget
from auricle.serving.inference.sound import SoundOrigin, encode_flac, is_sound_kept
from auricle.serving.settings import Settings

if TYPE_CHECKING:
    from auricle.audio.clip import Samples

__all__ = ["StreamSession"]

_PIECE_S: Final = 0.1  # of work


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
    cost : ModelCost
        Of the model.
    memory_budget : MemoryBudget
        For the sound that may be kept; where it is used up, the sound is not kept, and the stream goes on.

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
        cost: ModelCost,
        memory_budget: MemoryBudget,
    ) -> None:
        check_sample_format(sample_format)
        self._dtype, self._scale = SAMPLE_FORMATS[sample_format]
        self.model = model
        self.rate_hz = rate_hz
        self._stream = Stream(model, rate_hz=rate_hz, hop_s=request.hop_s, source=origin.source)
        cost.check_stream(self._stream)
        self._levels = RequestedLevels(model, request, announce=True)
        self._memory_budget = memory_budget
        self._reserved_bytes = 0
        hop_s = self._stream.hop_s or 1.0
        piece_s = hop_s * max(1.0, _PIECE_S / cost.window_seconds)
        self._piece_bytes = max(1, round(piece_s * rate_hz)) * np.dtype(self._dtype).itemsize
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

    def pieces(self, content: bytes) -> Iterator[bytes]:
        """Yield a message in pieces of little work, between which others have their turn."""
        for start in range(0, len(content), self._piece_bytes):
            yield content[start : start + self._piece_bytes]

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
        if self._settings.may_keep_sound(self._n_since_cut, self.rate_hz) and self._reserve(samples.nbytes):
            self._blocks.append(samples)
        else:
            self._drop_sound()
        return _as_json(self._levels.push(self._stream.push(samples)))

    def close(self) -> None:
        """Return the memory of the sound; further calls do nothing."""
        self._drop_sound()

    def end(self) -> list[dict[str, Any]]:
        """End the sound, and return the last predictions as JSON."""
        return _as_json([*self._levels.push(self._stream.flush()), *self._levels.flush()])

    def cut(self) -> tuple[Entry, bytes | None] | None:
        """Return the sound since the last cut as an entry and its FLAC; None if it is empty or silent."""
        n_samples, self._n_since_cut = self._n_since_cut, 0
        try:
            entry = self._origin.entry(self._stream, self._stream.recording())
            is_kept = bool(self._blocks) and is_sound_kept(entry, n_samples, self.rate_hz, self._settings)
            return entry, encode_flac(np.concatenate(self._blocks), self.rate_hz) if is_kept else None
        except AudioError:
            return None
        finally:
            self._stream.begin_recording()
            self._drop_sound()

    def _reserve(self, n_bytes: int) -> bool:
        """Reserve memory for sound that follows what is held; False if there is none, or a part is lost already."""
        if 4 * self._n_since_cut != self._reserved_bytes + n_bytes:
            return False
        try:
            self._memory_budget.reserve(n_bytes, share=STREAMS_SHARE)
        except RequestError:
            return False
        self._reserved_bytes += n_bytes
        return True

    def _drop_sound(self) -> None:
        self._memory_budget.release(self._reserved_bytes)
        self._blocks, self._reserved_bytes = [], 0


def _as_json(predictions: list[Prediction]) -> list[dict[str, Any]]:
    return [prediction.as_json() for prediction in predictions]
