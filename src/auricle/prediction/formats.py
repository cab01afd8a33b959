"""Write predictions as text, one row each: JSON lines, CSV, Audacity label tracks or Raven selection tables."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from auricle.errors import UsageError

__all__ = ["FORMATS", "Format", "check_format", "escaped", "lines"]

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format of predictions.

    Parameters
    ----------
    head : function
        Returns the first line, or an empty string, from the model's classes.
    line : function
        Returns the line of a row from the row, the classes and the row's number (from 1); empty if the format has no
        line for it.
    suffix : str
        End of the file's name.
    is_of_one_recording : bool
        Whether a file holds one level of one recording, without its name and without errors.
    """

    head: Callable[[tuple[str, ...]], str]
    line: Callable[[Row, tuple[str, ...], int], str]
    suffix: str
    is_of_one_recording: bool = False


def _jsonl(row: Row, classes: tuple[str, ...], number: int) -> str:  # noqa: ARG001  (one signature for all formats)
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def _csv_head(classes: tuple[str, ...]) -> str:
    return _csv_line(_csv_columns(classes))


def _csv(row: Row, classes: tuple[str, ...], number: int) -> str:  # noqa: ARG001
    flat = {**row, **{f"p_{name}": p for name, p in row.get("probabilities", {}).items()}}
    if "error" in row:
        flat["error"] = f"{row['error']['kind']}: {row['error']['message']}"
    return _csv_line([flat.get(column, "") for column in _csv_columns(classes)])


def _csv_columns(classes: tuple[str, ...]) -> list[str]:
    result = ["label", "confidence", "peak", *(f"p_{name}" for name in classes)] if classes else ["value"]
    return ["file", "level", "start_s", "end_s", *result, "unknown", "novelty", "model", "error"]


def _csv_line(values: Iterable[Any]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(values)  # cells with \r or \n are quoted
    return stream.getvalue().removesuffix("\r\n") + "\n"


def _audacity(row: Row, classes: tuple[str, ...], number: int) -> str:  # noqa: ARG001
    if "error" in row:
        return ""
    return f"{row['start_s']:.6f}\t{row['end_s']:.6f}\t{_result_cell(row)}\n"


_RAVEN = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Begin File",
)


def _raven_head(classes: tuple[str, ...]) -> str:
    return "\t".join([*_RAVEN, "Label", "Level", *(["Confidence"] if classes else []), "Model"]) + "\n"


def _raven(row: Row, classes: tuple[str, ...], number: int) -> str:
    if "error" in row:
        return ""
    top_hz = max(row["quality"]["bandwidth_hz"], 1.0)  # the box spans the sound's bandwidth
    box = [str(number), "Spectrogram 1", "1", f"{row['start_s']:.6f}", f"{row['end_s']:.6f}", "0.0", f"{top_hz:.1f}"]
    box.append(" ".join(Path(row["file"]).name.split()))
    result = [_result_cell(row), row["level"], *([f"{row['confidence']:.4f}"] if classes else []), row["model"]]
    return "\t".join([*box, *result]) + "\n"


def _result_cell(row: Row) -> str:
    """Return the label, or the number, as a cell of a tab-separated table."""
    return " ".join(str(row["label"]).split()) if "label" in row else f"{row['value']:g}"


def _no_head(classes: tuple[str, ...]) -> str:  # noqa: ARG001
    return ""


FORMATS: dict[str, Format] = {
    "jsonl": Format(_no_head, _jsonl, ".jsonl"),
    "csv": Format(_csv_head, _csv, ".csv"),
    "audacity": Format(_no_head, _audacity, ".txt", is_of_one_recording=True),
    "raven": Format(_raven_head, _raven, ".Table.1.selections.txt", is_of_one_recording=True),
}
"""JSON lines, CSV, Audacity's standard label track and Raven Pro's selection table, the last two after their manuals.

A label track holds only times and a label: its level is the one requested.
"""


def check_format(format_name: str) -> None:
    """Check that a format is a key of ``FORMATS``.

    Raises
    ------
    UsageError : an unknown format
    """
    if format_name not in FORMATS:
        raise UsageError(f"`format` must be among {', '.join(FORMATS)}. Got {format_name!r}.")


def lines(rows: Iterable[Row], *, format_name: str = "jsonl", classes: tuple[str, ...] = ()) -> Iterator[str]:
    r"""Yield the lines of a prediction file, with line ends, each as soon as its row arrives.

    A byte of a file's name that is not UTF-8 is written as an escape such as ``\udce9``, which JSON parsers read.

    Parameters
    ----------
    rows : iterable of mapping
        ``file`` with the fields of ``Prediction.as_json()``, or with an ``error``.
    format_name : str
        A key of ``FORMATS``.
    classes : tuple of str
        The model's classes, which become columns of a table.

    Raises
    ------
    UsageError : an unknown format
    """
    check_format(format_name)
    return _lines(rows, FORMATS[format_name], classes)


def _lines(rows: Iterable[Row], format_name: Format, classes: tuple[str, ...]) -> Iterator[str]:
    if head := format_name.head(classes):
        yield escaped(head)
    number = 0
    for row in rows:
        if line := format_name.line(row, classes, number + 1):
            number += 1
            yield escaped(line)


def escaped(text: str) -> str:
    r"""Return the text as valid UTF-8; a byte that is not becomes an escape such as ``\udce9``."""
    return text.encode("utf-8", "backslashreplace").decode()
