"""Predict one file and render its predictions as lines of text, in chunks that a worker process can send."""

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

_CHUNK_PREDICTIONS = 64
_MAX_MEMORY_BYTES = 1 << 20  # of one file's lines; more wait in an unnamed file on disk
_COPY_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """Some lines of a file's predictions; the last chunk holds the recording's line, or the error's alone.

    Parameters
    ----------
    text : bytes
        Whole lines, UTF-8.
    sound_s : float
        Length of the recording, in the last chunk.
    error : str, optional
        The error, in the last chunk.
    entry : Entry, optional
        The log entry, in the last chunk, if the run logs.
    """

    text: bytes
    sound_s: float = 0.0
    error: str | None = None
    entry: Entry | None = None


def render(
    model: "Predictor", file: Path, *, request: PredictionRequest, format_name: str, run: str | None = None
) -> Iterator[OutputChunk]:
    """Predict a file and yield its lines; the recording's line comes last, and is written first.

    A format of one recording holds one level: windows or events if requested, else the recording.

    Parameters
    ----------
    model : Predictor
    file : Path
    request : PredictionRequest
    format_name : str
        A key of ``FORMATS``.
    run : str, optional
        Id of the run to log under, from which the ids of its entries follow; None to log nothing.
    """
    number = 0

    def lines(predictions: Sequence[Prediction]) -> bytes:
        nonlocal number
        rendered = []
        for prediction in predictions:
            line = FORMATS[format_name].line({"file": str(file), **prediction.as_json()}, model.classes, number + 1)
            number += bool(line)
            rendered.append(escaped(line))
        return "".join(rendered).encode()

    try:
        for stream, predictions in _predictions(model, file, request):
            first = predictions[0]
            if first.level != "recording":
                yield OutputChunk(lines(predictions))
                continue
            entry = None if run is None else build_entry(stream, first, identity=derived_id(run, str(file)))
            has_line = not FORMATS[format_name].is_of_one_recording or request.is_recording_only
            yield OutputChunk(lines(predictions) if has_line else b"", sound_s=first.end_s, entry=entry)
    except AuricleError as error:
        yield error_chunk(model.classes, file, error, format_name=format_name)


def _predictions(
    model: "Predictor", file: Path, request: PredictionRequest
) -> Iterator[tuple[Stream, Sequence[Prediction]]]:
    """Yield the requested windows and events in the order in which they end, a few at a time; the recording last."""
    if request.is_recording_only:
        stream = model.run(file, hop_s=request.hop_s, channel=request.channel)
    else:
        levels, held = RequestedLevels(model.loaded, request), []
        for stream, windows in model.iter_windows(file, hop_s=request.hop_s, channel=request.channel):
            held += levels.push(windows)
            while len(held) >= _CHUNK_PREDICTIONS:
                yield stream, held[:_CHUNK_PREDICTIONS]
                del held[:_CHUNK_PREDICTIONS]
        held += levels.flush()
        if held:
            yield stream, held
    yield stream, (stream.recording(),)


def error_chunk(classes: tuple[str, ...], file: Path, error: AuricleError, *, format_name: str) -> OutputChunk:
    """Return the chunk of a file that failed."""
    line = FORMATS[format_name].line({"file": str(file), "error": error.as_json()}, classes, 1)
    return OutputChunk(escaped(line).encode(), error=f"{error.kind}: {error}")


class FileLines:
    """Gather the chunks of one file, in constant memory.

    Parameters
    ----------
    folder : Path, optional
        For lines that are too many for memory; they are deleted with the process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = None if folder is None else str(folder)
        self._waiting: IO[bytes] | None = None
        self.last = OutputChunk(b"")

    def append(self, chunk: OutputChunk) -> None:
        """Add the next chunk."""
        if self.last.text:
            if self._waiting is None:
                self._waiting = tempfile.SpooledTemporaryFile(_MAX_MEMORY_BYTES, dir=self._folder)  # noqa: SIM115
            self._waiting.write(self.last.text)
        self.last = chunk

    def text(self) -> Iterator[bytes]:
        """Yield the last chunk's lines, then those of all others in order, unless the last is an error."""
        yield self.last.text
        if self._waiting is None:
            return
        with self._waiting as waiting:
            waiting.seek(0)
            while self.last.error is None and (block := waiting.read(_COPY_BYTES)):
                yield block
