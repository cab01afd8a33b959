"""What one request has done in a thread: decode, listen, answer, and say what is to be kept."""

import io
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import soundfile

from auricle.prediction.log_entries import build_entry
from auricle.prediction.model import LoadedModel
from auricle.prediction.request import PredictionRequest, RequestedLevels
from auricle.prediction.stream import Stream
from auricle.records import Entry, Metadata, Prediction
from auricle.serving.decoder.pool import DecoderPool
from auricle.serving.settings import Settings
from auricle.store.labels.review import is_review_candidate

if TYPE_CHECKING:
    from auricle.audio.clip import Samples

__all__ = ["InferenceResult", "SoundOrigin", "answer", "encode_flac", "is_sound_kept"]

_FULL_16: Final = 32_768


@dataclass(frozen=True, slots=True)
class SoundOrigin:
    """Where a sound came from, as its entry in the log keeps it.

    Parameters
    ----------
    source : the file's name as the client gave it
    key : id of the API key
    metadata : what the client said about the sound; ``group`` is the block for resampling
    """

    source: str
    key: str
    metadata: Metadata

    def entry(
        self, stream: Stream, prediction: Prediction, *, parts: Iterable[Prediction] = (), channels: int | None = None
    ) -> Entry:
        """Return what is kept of a recording; parameters are those of :func:`auricle.prediction.log_entries.build_entry`."""
        group = self.metadata.get("group")
        return build_entry(
            stream,
            prediction,
            parts=parts,
            source=self.source,
            channels=channels,
            key=self.key,
            group=group if isinstance(group, str) and group else None,
            metadata=self.metadata,
        )


@dataclass(frozen=True, slots=True)
class InferenceResult:
    """An answer, and what it took."""

    entry: Entry
    sound: bytes | None
    """FLAC to be kept."""
    decode_s: float
    answer_s: float


def answer(
    model: LoadedModel,
    decoders: DecoderPool,
    descriptor: int,
    *,
    request: PredictionRequest,
    origin: SoundOrigin,
    settings: Settings,
) -> InferenceResult:
    """Answer the sound behind a descriptor.

    Raises
    ------
    AudioError : no sound, damaged, beyond the limits, or all zeros
    FeatureError : shorter than one frame
    UsageError : ``hop_s`` does not fit the model, or events are asked of a model that answers with numbers
    """
    began = time.perf_counter()
    with decoders.decode(descriptor) as sound:
        decoded = time.perf_counter()
        stream = Stream(model, rate_hz=sound.rate_hz, hop_s=request.hop_s, source=origin.source or "the sound")
        parts: list[Prediction] = []
        if request.is_recording_only:
            for block in sound.blocks():
                stream.feed(block)
            stream.end()
        else:
            parts += RequestedLevels(model, request).over(stream.iter_windows(sound.blocks()))
        made = origin.entry(stream, stream.recording(), parts=parts, channels=sound.channels)
        answered = time.perf_counter()
        is_kept = is_sound_kept(made, sound.n_samples / sound.rate_hz, settings)
        content = encode_flac(np.concatenate(list(sound.blocks())), sound.rate_hz) if is_kept else None
    return InferenceResult(made, content, decoded - began, answered - decoded)


def is_sound_kept(entry: Entry, duration_s: float, settings: Settings) -> bool:
    """Return whether a recording's sound is kept, in files and in stretches of a stream alike.

    Parameters
    ----------
    entry : what is kept of the recording
    duration_s : length of the sound
    settings : ``keep_audio`` says which sounds are kept, ``keep_review_s`` how long they may be
    """
    return settings.may_keep_sound(duration_s) and (settings.keep_audio == "all" or is_review_candidate(entry))


def encode_flac(samples: "Samples", rate_hz: int) -> bytes:
    """Return samples as FLAC: of 16 bits where that loses nothing, else of 24."""
    scaled = samples * np.float32(_FULL_16)
    is_exact = bool((scaled == np.rint(scaled)).all() and scaled.max() < _FULL_16 and scaled.min() >= -_FULL_16)
    content = io.BytesIO()
    soundfile.write(content, samples, rate_hz, format="FLAC", subtype="PCM_16" if is_exact else "PCM_24")
    return content.getvalue()
