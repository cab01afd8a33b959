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

    def longest_s(self, stream: Stream, request: PredictionRequest, settings: Settings, *, is_admin: bool) -> float:
        """Return the length of the longest sound for which the request is within the limits.

        Parameters
        ----------
        stream : Stream
            Of the requested hop.
        request : PredictionRequest
        settings : Settings
        is_admin : bool
            Whether the caller has the scope admin, and with it a limit of its own.
        """
        if stream.hop_s is None:  # the whole sound is one window, and costs by its length
            return settings.max_predict_s / 2 / self.window_seconds * self.golden_s
        spec = stream.model.bundle.manifest.spec
        return (self._n_allowed(request, settings, is_admin=is_admin) - 1) * stream.hop_s + (spec.window_s or 0.0)

    def expected_s(self, stream: Stream, duration_s: float) -> float:
        """Return the expected seconds of work for a sound."""
        if stream.hop_s is None:
            return self.window_seconds * max(1.0, duration_s / self.golden_s)
        return self.window_seconds * stream.count_windows(duration_s)

    def refusal(self, stream: Stream, request: PredictionRequest, settings: Settings, *, is_admin: bool) -> UsageError:
        """Return the error for a longer sound: the number of windows that is allowed, and what to do."""
        longest_s = self.longest_s(stream, request, settings, is_admin=is_admin)
        if stream.hop_s is None:
            return UsageError(
                f"For this model a sound may be at most {longest_s:.1f} s long. This one is longer: split it."
            )
        n_allowed = self._n_allowed(request, settings, is_admin=is_admin)
        where = "a reply of this model" if request.windows else "a sound of this model"
        return UsageError(
            f"The windows of {where} may be at most {n_allowed}: with `hop_s` {stream.hop_s:g} a sound of "
            f"{longest_s:.1f} s. This one is longer: raise `hop_s`, or split the sound."
        )

    def _n_allowed(self, request: PredictionRequest, settings: Settings, *, is_admin: bool) -> int:
        allowed = settings.max_windows_admin if is_admin else settings.max_windows
        allowed = min(allowed, int(settings.max_predict_s / 2 / self.window_seconds))
        if request.windows:
            allowed = min(allowed, settings.max_reply_bytes // self.window_bytes)
        return max(1, allowed)

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
