"""What is requested of each recording, and how its windows become the predictions that were requested."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auricle.prediction.events import EventRules, Events
from auricle.prediction.model import LoadedModel
from auricle.prediction.stream import Stream
from auricle.records import Prediction

__all__ = ["PredictionRequest", "RequestedLevels"]


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """What to predict of each recording, beside the recording itself.

    Parameters
    ----------
    windows : bool
        Also predict each window.
    events : EventRules, optional
        How windows become events; None for no events.
    hop_s : float, optional
        From one window to the next; None for the model's own.
    """

    windows: bool = False
    events: EventRules | None = None
    hop_s: float | None = None

    @property
    def is_recording_only(self) -> bool:
        """Whether neither windows nor events are requested; then a stream need not make their predictions."""
        return not self.windows and self.events is None

    def check(self, model: LoadedModel) -> None:
        """Raise once the error that every file would raise.

        Raises
        ------
        UsageError : ``hop_s`` does not fit the model, or the model has no such events
        """
        Stream(model, rate_hz=model.bundle.manifest.spec.rate_hz, hop_s=self.hop_s)
        RequestedLevels(model, self)

    def as_json(self) -> dict[str, Any]:
        """Return the request as plain values; a resumed run must have an equal one."""
        return asdict(self)


class RequestedLevels:
    """Turn the windows of one recording or stream into the windows and events that were requested.

    Parameters
    ----------
    model : LoadedModel
        The model whose windows will come.
    request : PredictionRequest
    announce : bool
        Give an event also when it begins, marked ``ongoing``.

    Raises
    ------
    UsageError : the model has no such events
    """

    def __init__(self, model: LoadedModel, request: PredictionRequest, *, announce: bool = False) -> None:
        self._has_windows = request.windows
        self._events = None if request.events is None else Events(model, request.events, announce=announce)

    def push(self, windows: Sequence[Prediction]) -> list[Prediction]:
        """Take the next windows; return them if requested, followed by the events that they end."""
        return [*(windows if self._has_windows else ()), *(self._events.push(windows) if self._events else ())]

    def flush(self) -> list[Prediction]:
        """End the sound and return the events that were still open."""
        return self._events.flush() if self._events else []

    def over(self, batches: Iterable[Sequence[Prediction]]) -> Iterator[Prediction]:
        """Push every batch of windows, flush, and yield what comes of it as it comes."""
        for windows in batches:
            yield from self.push(windows)
        yield from self.flush()
