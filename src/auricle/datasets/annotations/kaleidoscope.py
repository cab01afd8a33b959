"""Kaleidoscope's CSV: a row for each detection, its recording, offset and duration, and its identification."""

from collections.abc import Mapping
from pathlib import Path

from auricle.datasets.annotations.marks import Format, LeftOut, Mark, Marks, first_filled
from auricle.datasets.annotations.text import columns_of, read_cells, seconds
from auricle.errors import DataError

__all__ = ["KALEIDOSCOPE"]

_MANUAL = "manual id"
_LABEL_COLUMNS = (_MANUAL, "top1match", "auto id", "common_name", "scientific_name")
"""Columns of the identification: a person's first, then the program's, and those of BirdNET in this format."""


def _recognises(lines: list[str]) -> bool:
    return {"in file", "offset"} <= columns_of(lines).keys()


def _read(path: Path, text: str) -> Marks:
    """Read the detections; where a person has identified some, the others are left out.

    Raises
    ------
    DataError
        A table without durations or identifications.
    """
    table = read_cells(path, text)
    columns, rows = table.columns, table.rows
    labels = [columns[name] for name in _LABEL_COLUMNS if name in columns]
    label_column = first_filled((cells for _, cells in rows), labels)
    if "duration" not in columns or label_column is None:
        raise DataError(
            f"{path}: a table of Kaleidoscope must have the columns 'OFFSET', 'DURATION' and 'MANUAL ID' or "
            f"'TOP1MATCH'. It has {list(columns.values())}. Save it from Kaleidoscope again."
        )
    marks: list[Mark] = []
    left_out: list[LeftOut] = []
    for where, cells in rows:
        start_s, length_s = (seconds(cells[columns[name]], columns[name], where) for name in ("offset", "duration"))
        if label_column == columns.get(_MANUAL) and not cells[label_column].strip():
            left_out.append(("annotations", f"without {label_column!r}, which others have: identify them", where))
            continue
        other = {name: cell for name, cell in cells.items() if name != label_column}
        end_s = f"{float(start_s) + float(length_s):.9g}"
        marks.append(Mark(where, start_s, end_s, cells[label_column], _recording(cells, columns), other))
    return Marks(tuple(marks), tuple(left_out))


def _recording(cells: Mapping[str, str], columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return the recording's path as far as the table holds it, then as far as folders that were moved keep it."""
    indir, folder, name = (
        cells[columns[key]].strip().rstrip("\\/") if key in columns else "" for key in ("indir", "folder", "in file")
    )
    paths = ("/".join(part for part in parts if part) for parts in ((indir, folder, name), (folder, name)))
    return tuple(dict.fromkeys(paths)) if name else ()


KALEIDOSCOPE = Format(_recognises, _read, names_recordings=True)
