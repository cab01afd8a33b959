"""Foretell what a sound costs a model, in windows, seconds and bytes, and refuse what exceeds the server's limits."""

import json
import math
import time
from dataclasses import dataclass
from typing import Final

from auricle.errors import UsageError
from auricle.prediction.model import LoadedModel
from auricle.prediction.request import PredictionRequest
from auricle.prediction.stream import Stream
from auricle.serving.settings import Settings

__all__ = ["ModelCost"]

_ROUNDS: Final = 3
_STREAM_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What one window costs a model on this machine, measured on a golden window when the model is loaded.

    Parameters
    ----------
    window_seconds : float
        Seconds of work for one window.
    window_bytes : int
        Bytes of one window's prediction as JSON.
    golden_s : float
        Length of the measured window.
    """

    window_seconds: float
    window_bytes: int
    golden_s: float

    @classmethod
    def measure(cls, model: LoadedModel) -> "ModelCost":
        """Predict a golden window a few times; the first time also compiles and allocates."""
        golden, rate_hz = model.bundle.golden.windows[0], model.bundle.manifest.spec.rate_hz
        seconds, window_bytes = math.inf, 0
        for _ in range(_ROUNDS):
            stream = Stream(model, rate_hz=rate_hz)
            began = time.perf_counter()
            windows = [*stream.push(golden), *stream.flush()]
            seconds = min(seconds, (time.perf_counter() - began) / len(windows))
            window_bytes = len(json.dumps(windows[0].as_json()))
        return cls(seconds, window_bytes, golden.size / rate_hz)

    def seconds_of(self, n_windows: int, duration_s: float, *, is_one_window: bool) -> float:
        """Return the expected seconds of work; one window of the whole sound costs by its length."""
        return self.window_seconds * (max(1.0, duration_s / self.golden_s) if is_one_window else n_windows)

    def check(
        self, stream: Stream, duration_s: float, request: PredictionRequest, settings: Settings, *, is_admin: bool
    ) -> float:
        """Return the expected seconds of work for a sound.

        Parameters
        ----------
        stream : Stream
            At its beginning.
        duration_s : float
            Length of the sound.
        request : PredictionRequest
        settings : Settings
        is_admin : bool
            Whether the caller has the scope admin, and with it a limit of its own.

        Raises
        ------
        UsageError : the sound has more windows than are allowed; the message gives the number and a hop that fits
        """
        spec = stream.model.bundle.manifest.spec
        is_one_window = spec.window_samples is None
        n_windows = stream.count_windows(duration_s)
        allowed = settings.max_windows_admin if is_admin else settings.max_windows
        if not is_one_window:
            allowed = min(allowed, int(settings.max_predict_s / 2 / self.window_seconds))
        if request.windows:
            allowed = min(allowed, settings.max_reply_bytes // self.window_bytes)
        allowed = max(1, allowed)
        if n_windows > allowed:
            frames = math.ceil(duration_s * spec.rate_hz / allowed / spec.hop)  # hops are whole frames
            raise UsageError(
                f"A sound may have at most {allowed} windows{' in a reply' if request.windows else ''} for this model. "
                f"{duration_s:.1f} s have {n_windows}: set `hop_s` to at least "
                f"{frames * spec.hop / spec.rate_hz:.6g}, or split the sound."
            )
        return self.seconds_of(n_windows, duration_s, is_one_window=is_one_window)

    def check_stream(self, stream: Stream) -> None:
        """Check that a live stream leaves time for others.

        Raises
        ------
        UsageError : the windows of a second take more than half a second; the message gives a hop that fits
        """
        hop_s = stream.hop_s
        if hop_s is not None and self.window_seconds > _STREAM_SHARE * hop_s:
            least = math.ceil(100 * self.window_seconds / _STREAM_SHARE) / 100
            raise UsageError(f"`hop_s` of a stream must be at least {least:g} for this model. Got {hop_s:g}.")
