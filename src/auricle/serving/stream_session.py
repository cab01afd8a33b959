"""One live stream: raw samples in, messages out, and an entry of the log every minute."""

from typing import TYPE_CHECKING, Any

import numpy as np

from auricle.errors import AudioError
from auricle.prediction.events import EventRules, Events
from auricle.prediction.live.pcm import SAMPLE_FORMATS, check_sample_format
from auricle.prediction.log_entries import entry
from auricle.prediction.stream import Stream
from auricle.records import Entry, Metadata
from auricle.serving.answering import flac
from auricle.serving.settings import Settings
from auricle.store.labels.review import is_queued

if TYPE_CHECKING:
    from auricle.audio.clip import Samples
    from auricle.prediction.predictor import Predictor

__all__ = ["StreamSession"]


class StreamSession:
    """The sound of one client, as it comes; no two threads at a time.

    Parameters
    ----------
    model : what answers, from beginning to end
    rate_hz : samples a second
    sample_format : s16, s32 or f32, little endian
    hop_s : from one window to the next; None for the model's own
    windows, events : which answers are told as they come
    source : what the sound is called
    key : id of the API key
    metadata : what was told about the sound
    limits : how often an entry is cut, and which sounds are kept

    Raises
    ------
    UsageError : an unknown format, or a hop or events that do not fit the model
    """

    def __init__(
        self,
        model: "Predictor",
        *,
        rate_hz: int,
        sample_format: str,
        hop_s: float | None,
        windows: bool,
        events: bool,
        source: str,
        key: str,
        metadata: Metadata,
        limits: Settings,
    ) -> None:
        check_sample_format(sample_format)
        self._dtype, self._scale = SAMPLE_FORMATS[sample_format]
        self.model = model
        self.rate_hz = rate_hz
        self._stream = Stream(model, rate_hz=rate_hz, hop_s=hop_s, source=source)
        self._events = Events(model, EventRules(), announce=True) if events else None
        self._tells_windows = windows
        self._key, self._metadata = key, metadata
        self._limits = limits
        self._rest = b""
        self._held: list[Samples] = []
        self._n_since_cut = 0
        self.n_samples = 0
        """Samples heard so far."""

    @property
    def is_due(self) -> bool:
        """Whether it is time for an entry."""
        return self._n_since_cut >= self._limits.stream_cut_s * self.rate_hz

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
        if self._limits.keep_audio != "none":
            self._held.append(samples)
        self.n_samples += samples.size
        self._n_since_cut += samples.size
        return self._told(self._stream.push(samples))

    def end(self) -> list[dict[str, Any]]:
        """End the sound, and return what is still to be told."""
        told = self._told(self._stream.flush())
        if self._events is not None:
            told += [event.as_json() for event in self._events.flush()]
        return told

    def cut(self) -> tuple[Entry, bytes | None] | None:
        """Return what was heard since the last cut as an entry with its FLAC; None if that was silence, or nothing."""
        held, self._held, self._n_since_cut = self._held, [], 0
        try:
            recording = self._stream.recording()
        except AudioError:
            self._stream.begin_recording()
            return None
        group = self._metadata.get("group")
        made = entry(
            self._stream,
            recording,
            key=self._key,
            group=group if isinstance(group, str) and group else None,
            metadata=self._metadata,
        )
        self._stream.begin_recording()
        keep = self._limits.keep_audio
        is_kept = keep == "all" or (keep == "review" and is_queued(made))
        return made, flac(np.concatenate(held), self.rate_hz) if is_kept and held else None

    def _told(self, windows: list[Any]) -> list[dict[str, Any]]:
        told = [window.as_json() for window in windows] if self._tells_windows else []
        if self._events is not None:
            told += [event.as_json() for event in self._events.push(windows)]
        return told
