"""Decode and predict one sound in a worker thread, and decide whether to keep it as FLAC."""

import io
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import soundfile

from auricle.errors import RequestError, UsageError
from auricle.prediction.log_entries import build_entry
from auricle.prediction.model import LoadedModel
from auricle.prediction.request import PredictionRequest, RequestedLevels
from auricle.prediction.stream import Stream
from auricle.records import Entry, Metadata, Prediction
from auricle.serving.decoder.pool import DecodedSound, DecoderPool, LongSoundError
from auricle.serving.inference.cost import ModelCost
from auricle.serving.inference.memory import MemoryBudget
from auricle.serving.settings import Settings
from auricle.store.labels.review import is_review_candidate

if TYPE_CHECKING:
    from auricle.audio.clip import Samples

__all__ = ["InferenceResult", "SoundOrigin", "SoundTask", "encode_flac", "is_sound_kept", "predict_sound"]

_FULL_16: Final = 32_768
_PIECE_S: Final = 0.1
"""Seconds of work between two looks at the clock."""
_SHORT_DECODE_S: Final = 1.0
_SHORT_PREDICT_S: Final = 0.5
"""Seconds of work from which a sound is long, however short it lasts."""


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


@dataclass(frozen=True, slots=True)
class SoundTask:
    """What is asked of a model about one sound.

    Parameters
    ----------
    model : LoadedModel
    cost : ModelCost
        Of the model.
    request : PredictionRequest
    origin : SoundOrigin
    is_admin : bool
        Whether the caller has the scope admin.
    """

    model: LoadedModel
    cost: ModelCost
    request: PredictionRequest
    origin: SoundOrigin
    is_admin: bool = False


def predict_sound(
    task: SoundTask,
    decoders: DecoderPool,
    descriptor: int,
    *,
    settings: Settings,
    memory_budget: MemoryBudget,
    is_long: bool,
    work_ends_at: Callable[[], float],
) -> InferenceResult:
    """Decode and predict the sound of a file descriptor.

    Parameters
    ----------
    task : SoundTask
    decoders : DecoderPool
    descriptor : int
    settings : Settings
    memory_budget : MemoryBudget
        For the decoded sound.
    is_long : bool
        Whether the sound may take long; if not, one that would is left, by `LongSoundError`.
    work_ends_at : callable
        Returns until when work may last, on the clock of `time.monotonic`; called between windows.

    Raises
    ------
    AudioError : the content is not sound, damaged, beyond the limits, or all zeros
    FeatureError : the sound is shorter than one frame
    UsageError : ``hop_s`` does not fit the model, events are requested of a regression model, or too much is asked
    RequestError : the memory is used up, the work takes longer than is allowed, or the server stops
    """
    began = time.perf_counter()
    request, model = task.request, task.model
    asked = Stream(model, rate_hz=model.bundle.manifest.spec.rate_hz, hop_s=request.hop_s)
    longest_s = task.cost.longest_s(asked, request, settings, is_admin=task.is_admin)
    channel = model.bundle.manifest.channel
    try:
        if is_long:
            sound = decoders.decode(descriptor, long_s=longest_s, channel=channel)
        else:
            sound = decoders.decode(
                descriptor, long_s=min(longest_s, settings.long_s), wall_s=_SHORT_DECODE_S, channel=channel
            )
    except LongSoundError:
        if is_long:
            raise task.cost.refusal(asked, request, settings, is_admin=task.is_admin) from None
        raise
    with (
        sound,
        memory_budget.reserved(4 * sound.n_samples),
    ):
        decoded_at = time.perf_counter()
        stream = Stream(model, rate_hz=sound.rate_hz, hop_s=request.hop_s, source=task.origin.source or "the sound")
        if not is_long and task.cost.expected_s(stream, sound.n_samples / sound.rate_hz) > _SHORT_PREDICT_S:
            raise LongSoundError
        piece_s = (stream.hop_s or math.inf) * max(1.0, _PIECE_S / task.cost.window_seconds)
        blocks = _pieces(sound, int(min(piece_s * sound.rate_hz, sound.n_samples)), settings, work_ends_at)
        parts: list[Prediction] = []
        if request.is_recording_only:
            for block in blocks:
                stream.feed(block)
            stream.end()
        else:
            parts += RequestedLevels(model, request).over(stream.iter_windows(blocks))
        entry = task.origin.entry(stream, stream.recording(), parts=parts, channels=sound.channels)
        _check_size(parts, settings)
        predicted_at = time.perf_counter()
        is_kept = is_sound_kept(entry, sound.n_samples, sound.rate_hz, settings)
        content = encode_flac(np.concatenate(list(sound.blocks())), sound.rate_hz) if is_kept else None
    return InferenceResult(entry, content, decoded_at - began, predicted_at - decoded_at)


def _pieces(
    sound: DecodedSound, n_samples: int, settings: Settings, work_ends_at: Callable[[], float]
) -> Iterator["Samples"]:
    """Yield the sound in pieces of little work, as long as there is time."""
    latest = time.monotonic() + settings.max_predict_s
    for block in sound.blocks():
        for start in range(0, block.size, max(1, n_samples)):
            now = time.monotonic()
            if now > work_ends_at():
                raise RequestError("The server is stopping.", reason="stopping")
            if now > latest:
                raise RequestError(
                    f"Work on a sound may take {settings.max_predict_s:g} s, and this one takes longer, because the "
                    "server is busy. Send it again later, or split it.",
                    reason="overloaded",
                )
            yield block[start : start + max(1, n_samples)]


def _check_size(parts: Sequence[Prediction], settings: Settings) -> None:
    """Check the size of the windows and events of a reply; that of windows alone was foretold."""
    n_bytes = sum(len(json.dumps(part.as_json())) for part in parts)
    if n_bytes > settings.max_reply_bytes:
        raise UsageError(
            f"A reply may have {settings.max_reply_bytes} bytes of windows and events. These {len(parts)} have "
            f"{n_bytes}: split the sound, or ask for less."
        )


def is_sound_kept(entry: Entry, n_samples: int, rate_hz: int, settings: Settings) -> bool:
    """Return whether to keep the sound of a file or of a part of a stream.

    Parameters
    ----------
    entry : Entry
    n_samples : int
        Length of the sound.
    rate_hz : int
        Its sample rate.
    settings : Settings
        ``keep_audio`` selects sounds, ``keep_review_s`` limits their length.
    """
    return settings.may_keep_sound(n_samples, rate_hz) and (settings.keep_audio == "all" or is_review_candidate(entry))


def encode_flac(samples: "Samples", rate_hz: int) -> bytes:
    """Encode samples as FLAC, with 16 bits if that is lossless, else 24."""
    scaled = samples * np.float32(_FULL_16)
    is_exact = bool((scaled == np.rint(scaled)).all() and scaled.max() < _FULL_16 and scaled.min() >= -_FULL_16)
    content = io.BytesIO()
    soundfile.write(content, samples, rate_hz, format="FLAC", subtype="PCM_16" if is_exact else "PCM_24")
    return content.getvalue()
