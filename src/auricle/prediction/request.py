"""Describe which predictions of a recording are requested, and select them from its windows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auricle.audio.channels import check_channel
from auricle.prediction.events import EventRules, Events
from auricle.prediction.model import LoadedModel
from auricle.prediction.stream import Stream
from auricle.records import Prediction

__all__ = ["PredictionRequest", "RequestedLevels"]


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """Predictions to make of each recording, beside the one of the whole recording.

    Parameters
    ----------
    windows : bool
        Also predict each window.
    events : EventRules, optional
        Rules of event detection; None for no events.
    hop_s : float, optional
        From one window to the next; None for the model's own.
    channel : str, optional
        Channel of recordings; None for the model's own.
    """

    windows: bool = False
    events: EventRules | None = None
    hop_s: float | None = None
    channel: str | None = None

    @property
    def is_recording_only(self) -> bool:
        """Whether neither windows nor events are requested; a stream then skips their predictions."""
        return not self.windows and self.events is None

    def check(self, model: LoadedModel) -> None:
        """Check the request against a model before any file is predicted.

        Raises
        ------
        UsageError : ``hop_s`` does not fit the model, the channel is unknown, or the model cannot detect these events
        """
        if self.channel is not None:
            check_channel(self.channel)
        Stream(model, rate_hz=model.bundle.manifest.spec.rate_hz, hop_s=self.hop_s)
        RequestedLevels(model, self)

    def as_json(self) -> dict[str, Any]:
        """Return the request as plain values; a resumed run must have the same."""
        return {name: value for name, value in asdict(self).items() if name != "channel" or value is not None}


class RequestedLevels:
    """Select the requested windows and events from the windows of one recording or stream.

    Parameters
    ----------
    model : LoadedModel
        The model of the windows.
    request : PredictionRequest
    announce : bool
        Return an event also when it begins, marked ``ongoing``.

    Raises
    ------
    UsageError : the model cannot detect these events
    """

    def __init__(self, model: LoadedModel, request: PredictionRequest, *, announce: bool = False) -> None:
        self._has_windows = request.windows
        self._events = None if request.events is None else Events(model, request.events, announce=announce)

    def push(self, windows: Sequence[Prediction]) -> list[Prediction]:
        """Push the next windows; return them if requested, followed by the events that end in them."""
        return [*(windows if self._has_windows else ()), *(self._events.push(windows) if self._events else ())]

    def flush(self) -> list[Prediction]:
        """End the sound and return the events that were still open."""
        return self._events.flush() if self._events else []

    def over(self, batches: Iterable[Sequence[Prediction]]) -> Iterator[Prediction]:
        """Push every batch of windows and flush; yield predictions as they come."""
        for windows in batches:
            yield from self.push(windows)
        yield from self.flush()
