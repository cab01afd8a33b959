"""A finished file of predictions, resumed: it is verified, and reopened only for files that it lacks."""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auricle.errors import UsageError
from auricle.prediction.bulk.output import FileLines, render
from auricle.prediction.bulk.resumable_file import journal_of
from auricle.prediction.formats import FORMATS
from auricle.prediction.request import PredictionRequest
from auricle.runtime import files
from auricle.runtime.clock import new_id

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["Finished", "read_finished", "reopen"]


class _RecordingRows:
    """A recording of the output, and the hash of its rows, which may be too many for memory."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.digest = hashlib.sha256()


@dataclass(frozen=True, slots=True)
class Finished:
    """The files whose rows a finished output holds, in their order, and how many of them failed."""

    files: tuple[str, ...]
    n_failed: int


def read_finished(
    output: Path, model: "Predictor", inputs: Sequence[Path], request: PredictionRequest, format_name: str
) -> Finished:
    """Verify that a finished output is of the same inputs, model and request.

    Rows hold their file and model, but not every option. So the first and the last recording that did not fail are
    predicted again, and must give the same rows.

    Raises
    ------
    UsageError
        It is not.
    """
    wanted = set(map(str, inputs))
    found: dict[str, None] = {}
    n_failed = 0
    ends: list[_RecordingRows] = []  # the first recording, and the last one
    for number, (row, text) in enumerate(_rows(output, format_name, FORMATS[format_name].head(model.classes)), 1):
        if row is None or not isinstance(row.get("file"), str):
            raise _refusal(output, f"Row {number} is no prediction")
        if row["file"] not in wanted:
            raise _refusal(output, f"It holds {row['file']}, which is not among the inputs")
        if row.get("error"):
            n_failed += 1
        elif row.get("model") != model.name:
            raise _refusal(output, f"It was written by {row.get('model')}, and this model is {model.name}")
        else:
            if not ends or ends[-1].file != row["file"]:
                ends[1:] = [_RecordingRows(row["file"])]
            ends[-1].digest.update(text.encode("utf-8", "surrogateescape"))
        found[row["file"]] = None
    for rows in ends:
        lines = FileLines(output.absolute().parent)
        for chunk in render(model, Path(rows.file), request=request, format_name=format_name):
            lines.append(chunk)
        again = hashlib.sha256()
        for block in lines.text():
            again.update(block)
        if again.digest() != rows.digest.digest():
            raise _refusal(output, f"Predicted again, {rows.file} gives other rows: it or the options have changed")
    return Finished(tuple(found), n_failed)


def reopen(output: Path, finished: Finished, settings: Mapping[str, Any]) -> None:
    """Write the journal with which a `ResumableFile` takes a finished output for a stopped run."""
    done = {"files": finished.files, "bytes": output.stat().st_size, "failed": finished.n_failed, "sound_s": 0.0}
    lines = [{"run": new_id(), **settings}, done]
    files.write_bytes(journal_of(output), "".join(json.dumps(line) + "\n" for line in lines).encode())


def _rows(output: Path, format_name: str, head: str) -> Iterator[tuple[dict[str, Any] | None, str]]:
    """Yield each row and its text, after the head; None for a row that is no JSON object."""
    with output.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        if stream.read(len(head)) != head:
            raise _refusal(output, f"Its first line is not {head.strip()!r}")
        read: list[str] = []

        def lines() -> Iterator[str]:  # a row of CSV may go over several
            for line in stream:
                read.append(line)
                yield line

        parsed = csv.DictReader(lines(), next(csv.reader([head]))) if format_name == "csv" else map(_parsed, lines())
        for row in parsed:
            yield row, "".join(read)
            read.clear()


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _refusal(output: Path, why: str) -> UsageError:
    return UsageError(
        f"{output}: a finished file is resumed for the same inputs, model and options only. {why}. Name another file, "
        "or remove it."
    )
