"""What one request has done in a thread: decode, listen, answer, and say what is to be kept."""

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import soundfile

from auricle.prediction.events import EventRules, Events
from auricle.prediction.log_entries import entry
from auricle.prediction.stream import Stream
from auricle.records import Entry, Metadata, Prediction
from auricle.serving.decoder.pool import Decoded, Decoders
from auricle.store.labels.review import is_queued

if TYPE_CHECKING:
    from auricle.audio.clip import Samples
    from auricle.prediction.predictor import Predictor

__all__ = ["Answered", "ServingRequest", "answer", "flac"]

_FULL_16: Final = 32_768


@dataclass(frozen=True, slots=True)
class ServingRequest:
    """What is asked of a sound.

    Parameters
    ----------
    windows, events : what is told beside the recording's own answer
    hop_s : from one window to the next; None for the model's own
    source : the file's name as it was told
    key : id of the API key
    metadata : what was told about the sound; ``group`` is the block for resampling
    keep : which sounds are kept
    keep_most_s : seconds of the longest sound that is kept
    """

    windows: bool = False
    events: bool = False
    hop_s: float | None = None
    source: str = ""
    key: str = ""
    metadata: Metadata | None = None
    keep: Literal["none", "review", "all"] = "none"
    keep_most_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and what it took."""

    entry: Entry
    sound: bytes | None
    """FLAC to be kept."""
    decode_s: float
    answer_s: float


def answer(model: "Predictor", decoders: Decoders, descriptor: int, question: ServingRequest) -> Answered:
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
        name = question.source or "the sound"
        stream = Stream(model, rate_hz=sound.rate_hz, hop_s=question.hop_s, source=name)
        recording, parts = _listen(model, stream, sound, question)
        group = (question.metadata or {}).get("group")
        kept = entry(
            stream,
            recording,
            parts=parts,
            source=question.source,
            channels=sound.channels,
            key=question.key,
            group=group if isinstance(group, str) and group else None,
            metadata=question.metadata,
        )
        answered = time.perf_counter()
        is_kept = question.keep == "all" or (question.keep == "review" and is_queued(kept))
        is_kept = is_kept and sound.n_samples <= question.keep_most_s * sound.rate_hz
        content = flac(np.concatenate(list(sound.blocks())), sound.rate_hz) if is_kept else None
    return Answered(kept, content, decoded - began, answered - decoded)


def flac(samples: "Samples", rate_hz: int) -> bytes:
    """Return samples as FLAC: of 16 bits where that loses nothing, else of 24."""
    scaled = samples * np.float32(_FULL_16)
    is_exact = bool((scaled == np.rint(scaled)).all() and scaled.max() < _FULL_16 and scaled.min() >= -_FULL_16)
    content = io.BytesIO()
    soundfile.write(content, samples, rate_hz, format="FLAC", subtype="PCM_16" if is_exact else "PCM_24")
    return content.getvalue()


def _listen(
    model: "Predictor", stream: Stream, sound: Decoded, question: ServingRequest
) -> tuple[Prediction, list[Prediction]]:
    if not question.windows and not question.events:
        for block in sound.blocks():
            stream.listen(block)
        return stream.finish(), []
    found = Events(model, EventRules()) if question.events else None
    parts: list[Prediction] = []

    def take(windows: list[Prediction]) -> None:
        if question.windows:
            parts.extend(windows)
        if found is not None:
            parts.extend(found.push(windows))

    for block in sound.blocks():
        take(stream.push(block))
    take(stream.flush())
    if found is not None:
        parts.extend(found.flush())
    return stream.recording(), parts
