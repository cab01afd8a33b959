"""Decode and predict one sound in a worker thread, and decide whether to keep it as FLAC."""

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

__all__ = ["InferenceResult", "SoundOrigin", "encode_flac", "is_sound_kept", "predict_sound"]

_FULL_16: Final = 32_768


@dataclass(frozen=True, slots=True)
class SoundOrigin:
    """Origin of a sound, for its entry in the log.

    Parameters
    ----------
    source : str
        File name given by the client.
    key : str
        Id of the API key.
    metadata : Metadata
        Sent by the client; ``group`` is the block for resampling.
    """

    source: str
    key: str
    metadata: Metadata

    def entry(
        self, stream: Stream, prediction: Prediction, *, parts: Iterable[Prediction] = (), channels: int | None = None
    ) -> Entry:
        """Return the log entry of a recording; see :func:`auricle.prediction.log_entries.build_entry`."""
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
    """A predicted sound and its durations.

    Parameters
    ----------
    entry : Entry
    sound : bytes or None
        FLAC to keep.
    decode_s, predict_s : float
    """

    entry: Entry
    sound: bytes | None
    decode_s: float
    predict_s: float


def predict_sound(
    model: LoadedModel,
    decoders: DecoderPool,
    descriptor: int,
    *,
    request: PredictionRequest,
    origin: SoundOrigin,
    settings: Settings,
) -> InferenceResult:
    """Decode and predict the sound of a file descriptor.

    Raises
    ------
    AudioError : the content is not sound, damaged, beyond the limits, or all zeros
    FeatureError : the sound is shorter than one frame
    UsageError : ``hop_s`` does not fit the model, or events are requested of a regression model
    """
    began = time.perf_counter()
    with decoders.decode(descriptor) as sound:
        decoded_at = time.perf_counter()
        stream = Stream(model, rate_hz=sound.rate_hz, hop_s=request.hop_s, source=origin.source or "the sound")
        parts: list[Prediction] = []
        if request.is_recording_only:
            for block in sound.blocks():
                stream.feed(block)
            stream.end()
        else:
            parts += RequestedLevels(model, request).over(stream.iter_windows(sound.blocks()))
        entry = origin.entry(stream, stream.recording(), parts=parts, channels=sound.channels)
        predicted_at = time.perf_counter()
        is_kept = is_sound_kept(entry, sound.n_samples / sound.rate_hz, settings)
        content = encode_flac(np.concatenate(list(sound.blocks())), sound.rate_hz) if is_kept else None
    return InferenceResult(entry, content, decoded_at - began, predicted_at - decoded_at)


def is_sound_kept(entry: Entry, duration_s: float, settings: Settings) -> bool:
    """Return whether to keep the sound of a file or of a part of a stream.

    Parameters
    ----------
    entry : Entry
    duration_s : float
        Length of the sound.
    settings : Settings
        ``keep_audio`` selects sounds, ``keep_review_s`` limits their length.
    """
    return settings.may_keep_sound(duration_s) and (settings.keep_audio == "all" or is_review_candidate(entry))


def encode_flac(samples: "Samples", rate_hz: int) -> bytes:
    """Encode samples as FLAC, with 16 bits if that is lossless, else 24."""
    scaled = samples * np.float32(_FULL_16)
    is_exact = bool((scaled == np.rint(scaled)).all() and scaled.max() < _FULL_16 and scaled.min() >= -_FULL_16)
    content = io.BytesIO()
    soundfile.write(content, samples, rate_hz, format="FLAC", subtype="PCM_16" if is_exact else "PCM_24")
    return content.getvalue()
