"""What is asked of each file, and its answers in pieces of bounded size: the same in this process and in any other."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auricle.prediction.events import EventRules, Events
from auricle.prediction.stream import Stream
from auricle.records import Prediction

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["Noted", "PredictionRequest", "answers"]

_PIECE = 64  # predictions that are held before they are handed on


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """What is asked of each recording, beside its own answer.

    Parameters
    ----------
    windows : each window's answer
    events : by which rules windows become events; None for no events
    hop_s : from one window to the next; None for the model's own
    """

    windows: bool = False
    events: EventRules | None = None
    hop_s: float | None = None

    def check(self, model: "Predictor") -> None:
        """Say once what would otherwise be said of every file.

        Raises
        ------
        UsageError : ``hop_s`` fits no file, or the model has no such events
        """
        Stream(model, rate_hz=model.bundle.manifest.spec.rate_hz, hop_s=self.hop_s)
        if self.events is not None:
            Events(model, self.events)

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values: what a run that goes on later must still be asked."""
        return asdict(self)


Noted = Callable[[Stream, Prediction], None]


def answers(
    model: "Predictor", file: Path, ask: PredictionRequest, *, note: Noted | None = None
) -> Iterator[tuple[Prediction, ...]]:
    """Yield windows and events, each where it ends, a few at a time; and last, alone, the recording's answer.

    Parameters
    ----------
    note : told of the stream and of the recording's answer, before that is given

    Raises
    ------
    AudioError : the sound cannot be read, or is all zeros
    FeatureError : it is shorter than one frame
    """
    if not ask.windows and ask.events is None:
        stream = model.hear(file, hop_s=ask.hop_s)
        yield _recording(stream, note)
        return
    events = None if ask.events is None else Events(model, ask.events)
    held: list[Prediction] = []
    for stream, windows in model.listen(file, hop_s=ask.hop_s):  # noqa: B007  (wanted once it has ended)
        held += windows if ask.windows else []
        held += [] if events is None else events.push(windows)
        while len(held) >= _PIECE:
            yield tuple(held[:_PIECE])
            del held[:_PIECE]
    held += [] if events is None else events.flush()
    if held:
        yield tuple(held)
    yield _recording(stream, note)


def _recording(stream: Stream, note: Noted | None) -> tuple[Prediction]:
    recording = stream.recording()
    if note is not None:
        note(stream, recording)
    return (recording,)
