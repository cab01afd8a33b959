"""BirdNET's CSV: a row for each detection, its start and end, the species and the confidence."""

from collections.abc import Mapping
from pathlib import Path

from auricle.datasets.annotations.marks import Format, Mark, Marks, first_filled
from auricle.datasets.annotations.text import columns_of, read_cells, seconds

__all__ = ["BIRDNET"]

_SPELLINGS = (
    {"start": "start (s)", "end": "end (s)"},
    {"start": "start", "end": "end"},
    {"start": "start_time", "end": "end_time"},
)
"""Columns of the times in BirdNET-Analyzer's CSV, in its table for R, and in that of the package ``birdnet``."""

_LABEL_COLUMNS = ("common name", "common_name", "species_name", "scientific name", "scientific_name")
_PATHS = ("file", "filepath", "input", "file_path")


def _times(columns: Mapping[str, str]) -> tuple[str, str] | None:
    for names in _SPELLINGS:
        if set(names.values()) <= columns.keys():
            return columns[names["start"]], columns[names["end"]]
    return None


def _recognises(lines: list[str]) -> bool:
    columns = columns_of(lines)
    return _times(columns) is not None and "confidence" in columns and any(name in columns for name in _LABEL_COLUMNS)


def _read(path: Path, text: str) -> Marks:
    """Read the detections.

    Raises
    ------
    DataError
        Times that are not numbers.
    """
    table = read_cells(path, text)
    columns, rows = table.columns, table.rows
    label_column = first_filled((cells for _, cells in rows), [columns[n] for n in _LABEL_COLUMNS if n in columns])
    start, end = _times(columns) or ("", "")
    marks = []
    for where, cells in rows:
        start_s, end_s = (seconds(cells[name], name, where) for name in (start, end))
        named = (cells[columns[name]].strip() for name in _PATHS if name in columns)
        other = {name: cell for name, cell in cells.items() if name not in (start, end, label_column)}
        marks.append(Mark(where, start_s, end_s, cells[label_column or ""], tuple(filter(None, named)), other))
    return Marks(tuple(marks))


BIRDNET = Format(_recognises, _read, names_recordings=True)
