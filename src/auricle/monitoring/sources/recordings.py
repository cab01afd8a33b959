"""Recordings to be watched, from files: labelled or not, a folder, a table, or one file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from auricle.datasets.readers import READERS, read_table
from auricle.datasets.tables import Row, Table
from auricle.errors import DataError, UsageError
from auricle.prediction.bulk.inputs import expand

__all__ = ["Recording", "find"]

_CLASS_FOLDERS = "folder with one sub-folder per class"
_OWN_COLUMNS = ("file_name", "start_s", "end_s", "time")
_NO_TIME = np.datetime64("NaT", "us")


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound file or a part of one, and what is known of it.

    Parameters
    ----------
    file : where the sound is
    start_s, end_s : the part; None for the end of the file
    group : recordings of one group are not independent
    time : when it was made, datetime64[us] in UTC; NaT where nobody knows
    answer : its label or number as text, "" where nobody told
    metadata : every other column
    """

    file: Path
    start_s: float = 0.0
    end_s: float | None = None
    group: str = ""
    time: np.datetime64 = _NO_TIME
    answer: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def find(
    path: str | Path, classes: tuple[str, ...], *, label: str | None = None, group: str | None = None
) -> tuple[Recording, ...]:
    """Return the recordings of a table, a folder or a file.

    A table needs ``file_name`` and no more. The sub-folders of a folder are labels where one of them is a class of the
    model; else they are where recordings lie, and nothing is known of them.

    Parameters
    ----------
    path : a table, a folder, a sound file, or a pattern
    classes : that the model knows; none where it answers with a number
    label : column of the truth; ``label``, or ``target`` for numbers, if not given
    group : column of what is not independent; ``group`` where the table has it, else every recording is its own

    Raises
    ------
    DataError : a table that cannot be read, or that names files that are not there
    UsageError : a column that is not there, or no sound
    """
    path = Path(path)
    form = next((name for name, reader in READERS.items() if path.exists() and reader.accepts(path)), None)
    if form is None or (form == _CLASS_FOLDERS and not any((path / name).is_dir() for name in classes)):
        if label is not None or group is not None:
            raise UsageError(f"{path}: `--label` and `--group` name columns of a table. This is none.")
        return tuple(Recording(file, group=str(file)) for file in expand([path]))
    table = read_table(path)
    for name in (label, group, "file_name"):
        if name is not None and name not in table.columns:
            raise UsageError(f"{table.source}: there is no column {name!r}; there are {', '.join(table.columns)}.")
    answer = label or ("label" if classes else "target")
    group = group or ("group" if "group" in table.columns else None)
    return tuple(_recording(row, table, answer, group) for row in table.rows)


def _recording(row: Row, table: Table, answer: str, group: str | None) -> Recording:
    file = table.folder / row.cells["file_name"]
    if not file.is_file():
        raise DataError(f"{row.where}: the recording must be there. There is no file {file}.")
    start_s, end_s = (_number(row, name) for name in ("start_s", "end_s"))
    return Recording(
        file,
        start_s or 0.0,
        end_s,
        row.cells[group] if group is not None else str(file),
        _time(row),
        row.cells.get(answer, ""),
        {name: cell for name, cell in row.cells.items() if name not in _OWN_COLUMNS and name != answer},
    )


def _number(row: Row, name: str) -> float | None:
    text = row.cells.get(name, "").strip()
    try:
        value = float(text) if text else None
    except ValueError:
        value = math.nan
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise DataError(f"{row.where}: {name!r} must be a number of seconds from 0. Got {text!r}.")
    return value


def _time(row: Row) -> np.datetime64:
    text = row.cells.get("time", "").strip()
    if not text:
        return _NO_TIME
    try:
        at = datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise DataError(
                f"{row.where}: 'time' must be ISO 8601, such as 2026-03-01T14:30:00Z, or seconds since 1970. "
                f"Got {text!r}."
            ) from None
    at = at.astimezone(UTC) if at.tzinfo else at
    return np.datetime64(at.replace(tzinfo=None), "us")
