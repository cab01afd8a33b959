"""The lines of one file's answers: made where the file is answered, gathered where they are written."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from auricle.errors import AuricleError
from auricle.prediction.formats import FORMATS, escaped
from auricle.prediction.log_entries import build_entry
from auricle.prediction.request import PredictionRequest, RequestedLevels
from auricle.prediction.stream import Stream
from auricle.records import Entry, Prediction
from auricle.runtime.clock import derived_id

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["FileLines", "OutputChunk", "error_chunk", "render"]

_TOGETHER = 64  # predictions that are held before they are handed on
_IN_MEMORY = 1 << 20  # bytes of one file's lines; what is more waits on disk, without a name
_COPIED_TOGETHER = 1 << 18


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """Some lines of a file's answers; the last piece holds the recording's, or the error that is all there is to say.

    Parameters
    ----------
    text : whole lines, UTF-8
    sound_s : length of the recording, in its last piece
    error : what stopped it, in the last piece
    entry : what is kept of the answer, in the last piece, where that was asked for
    """

    text: bytes
    sound_s: float = 0.0
    error: str | None = None
    entry: Entry | None = None


def render(
    model: "Predictor", file: Path, *, request: PredictionRequest, format_name: str, run: str | None = None
) -> Iterator[OutputChunk]:
    """Answer a file and yield the lines that tell it; the recording's come last, and are written first.

    In a format of one recording there is one level: windows or events if they were asked for, else the recording.

    Parameters
    ----------
    run : id of the run whose entries are kept; None to keep none. The same run gives a file's entry the same id
    """
    number = 0

    def lines(predictions: Sequence[Prediction]) -> bytes:
        nonlocal number
        told = []
        for prediction in predictions:
            line = FORMATS[format_name].line({"file": str(file), **prediction.as_json()}, model.classes, number + 1)
            number += bool(line)
            told.append(escaped(line))
        return "".join(told).encode()

    try:
        for stream, predictions in _predictions(model, file, request):
            first = predictions[0]
            if first.level != "recording":
                yield OutputChunk(lines(predictions))
                continue
            kept = None if run is None else build_entry(stream, first, identity=derived_id(run, str(file)))
            has_place = not FORMATS[format_name].is_of_one_recording or request.is_recording_only
            yield OutputChunk(lines(predictions) if has_place else b"", sound_s=first.end_s, entry=kept)
    except AuricleError as error:
        yield error_chunk(model.classes, file, error, format_name=format_name)


def _predictions(
    model: "Predictor", file: Path, request: PredictionRequest
) -> Iterator[tuple[Stream, Sequence[Prediction]]]:
    """Yield the requested windows and events, each where it ends, a few at a time; and last, alone, the recording."""
    if request.is_recording_only:
        stream = model.run(file, hop_s=request.hop_s)
    else:
        levels, held = RequestedLevels(model.loaded, request), []
        for stream, windows in model.iter_windows(file, hop_s=request.hop_s):
            held += levels.push(windows)
            while len(held) >= _TOGETHER:
                yield stream, held[:_TOGETHER]
                del held[:_TOGETHER]
        held += levels.flush()
        if held:
            yield stream, held
    yield stream, (stream.recording(),)


def error_chunk(classes: tuple[str, ...], file: Path, error: AuricleError, *, format_name: str) -> OutputChunk:
    """Return the piece that tells an error."""
    line = FORMATS[format_name].line({"file": str(file), "error": error.as_json()}, classes, 1)
    return OutputChunk(escaped(line).encode(), error=f"{error.kind}: {error}")


class FileLines:
    """Gathers the pieces of one file, in constant memory.

    Parameters
    ----------
    folder : where lines wait that are too many for memory; they vanish with the process
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = None if folder is None else str(folder)
        self._waiting: IO[bytes] | None = None
        self.last = OutputChunk(b"")

    def append(self, chunk: OutputChunk) -> None:
        """Take the next piece."""
        if self.last.text:
            if self._waiting is None:
                self._waiting = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=self._folder)  # noqa: SIM115
            self._waiting.write(self.last.text)
        self.last = chunk

    def text(self) -> Iterator[bytes]:
        """Yield the last piece's lines, and then, unless they tell an error, all others in their order."""
        yield self.last.text
        if self._waiting is None:
            return
        with self._waiting as waiting:
            waiting.seek(0)
            while self.last.error is None and (block := waiting.read(_COPIED_TOGETHER)):
                yield block
