"""Raven selection tables: a row for each view of a selection, its times, frequencies, annotation and recording."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from auricle.datasets.annotations.marks import Format, Mark, Marks, first_filled
from auricle.datasets.annotations.text import columns_of, read_cells, seconds
from auricle.errors import DataError

__all__ = ["RAVEN"]

_LABEL_COLUMNS = ("Label", "Annotation", "Species", "Common Name", "Species Code", "Tags", "Tag", "Class", "Type")
"""Annotation columns of a selection table, in order of preference; the first that is filled becomes ``label``."""

_BEGIN, _END = "begin time (s)", "end time (s)"
_PATHS = ("begin path", "begin file")
_OFFSET = "file offset (s)"

_Rows = list[tuple[str, dict[str, str]]]


def _recognises(lines: list[str]) -> bool:
    return _BEGIN in columns_of(lines) or ("selection" in columns_of(lines) and "view" in columns_of(lines))


def _read(path: Path, text: str) -> Marks:
    """Read the selections of a table.

    A selection that is listed once for each view, or channel, is one mark. The time in the recording is the file
    offset where the table has one: the begin time then counts from the first of several files opened together.

    Raises
    ------
    DataError
        A table without times or without an annotation column, or one of several files whose times may count from the
        first of them.
    """
    table = read_cells(path, text)
    columns, rows = table.columns, table.rows
    if missing := [name for name in ("Begin Time (s)", "End Time (s)") if name.lower() not in columns]:
        raise DataError(
            f"{path}: a selection table must have the column {missing[0]!r}. It has {list(columns.values())}."
        )
    labels = [columns[name.lower()] for name in _LABEL_COLUMNS if name.lower() in columns]
    label_column = first_filled((cells for _, cells in rows), labels)
    if label_column is None:
        raise DataError(
            f"{path}: a selection table must have an annotation column: {', '.join(_LABEL_COLUMNS)}. "
            f"It has {list(columns.values())}. Add an annotation column in Raven."
        )
    if _OFFSET not in columns:
        _check_times_are_of_files(path, rows, columns)
    left_aside = {label_column, *(columns.get(name) for name in (_BEGIN, _END, "view"))}
    marks: dict[tuple[object, ...], Mark] = {}
    views: set[tuple[object, ...]] = set()
    for where, cells in rows:
        start_s, end_s = _part(cells, columns, where)
        recording = _recording(cells, columns)
        selection = (_cell(cells, columns, "selection") or where, recording, start_s, end_s, cells[label_column])
        view = (*selection, _cell(cells, columns, "view"), _cell(cells, columns, "channel"))
        if selection in marks and view not in views:
            marks[selection] = _with_view(marks[selection], cells, columns)
        else:  # a row that repeats another in all of these is a mark of its own, and counted as a duplicate later
            other = {name: cell for name, cell in cells.items() if name not in left_aside}
            key = selection if selection not in marks else (*selection, where)
            marks[key] = Mark(where, start_s, end_s, cells[label_column], recording, other)
        views.add(view)
    return Marks(tuple(marks.values()))


def _cell(cells: Mapping[str, str], columns: Mapping[str, str], name: str) -> str:
    return cells[columns[name]].strip() if name in columns else ""


def _recording(cells: Mapping[str, str], columns: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(path for name in _PATHS if (path := _cell(cells, columns, name)))


def _part(cells: Mapping[str, str], columns: Mapping[str, str], where: str) -> tuple[str, str]:
    """Return the start and end of a selection in its recording."""
    start_s, end_s = (seconds(cells[columns[name]], columns[name], where) for name in (_BEGIN, _END))
    if not _cell(cells, columns, _OFFSET):
        return start_s, end_s
    offset_s = seconds(cells[columns[_OFFSET]], columns[_OFFSET], where)
    if float(offset_s) == float(start_s):
        return start_s, end_s
    return offset_s, f"{float(offset_s) + float(end_s) - float(start_s):.9g}"


def _with_view(mark: Mark, cells: Mapping[str, str], columns: Mapping[str, str]) -> Mark:
    """Return the mark with one more view, whose channel is added to its channels."""
    name, channel = columns.get("channel", ""), _cell(cells, columns, "channel")
    listed = mark.columns.get(name, "")
    if channel and channel not in listed.split("+"):
        return replace(mark, n_lines=mark.n_lines + 1, columns={**mark.columns, name: f"{listed}+{channel}"})
    return replace(mark, n_lines=mark.n_lines + 1)


def _check_times_are_of_files(path: Path, rows: _Rows, columns: Mapping[str, str]) -> None:
    """Refuse a table of several files unless their times overlap, which times in a sequence of files cannot."""
    spans: dict[tuple[str, ...], tuple[float, float]] = {}
    for where, cells in rows:
        start_s, end_s = map(float, _part(cells, columns, where))
        before_s, after_s = spans.get(_recording(cells, columns), (start_s, end_s))
        spans[_recording(cells, columns)] = min(before_s, start_s), max(after_s, end_s)
    ordered = sorted(spans.values())
    if len(ordered) > 1 and all(end_s <= start_s for (_, end_s), (start_s, _) in pairwise(ordered)):
        raise DataError(
            f"{path}: a table of {len(ordered)} recordings must have the column 'File Offset (s)', because its times "
            "may count from the first of them. Add this measurement in Raven, or save one table for each recording."
        )


RAVEN = Format(_recognises, _read, names_recordings=True)
