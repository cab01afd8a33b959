"""Read Audacity label tracks and Raven selection tables beside recordings as a table, one row per annotation."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from auricle.audio.sound_files import find_sound_files
from auricle.datasets.tables import Row, Table, readable
from auricle.errors import DataError

__all__ = [
    "holds_label_tracks",
    "holds_selection_tables",
    "label_track_rows",
    "read_label_tracks",
    "read_selection_tables",
]

_LABEL_COLUMNS = ("Label", "Annotation", "Species", "Common Name", "Species Code", "Tags", "Tag", "Class", "Type")
"""Annotation columns of a selection table, in order of preference; the first present becomes ``label``."""

_BEGIN, _END = "Begin Time (s)", "End Time (s)"
_VIEW_COLUMNS = {"View", "Channel"}  # Raven lists a selection once per view

_CellsAt = Iterator[tuple[str, dict[str, str]]]


def holds_label_tracks(folder: Path) -> bool:
    """Whether a recording lies beside an Audacity label track: ``x.wav`` and ``x.txt``."""
    return any(_is_label_track(track) for _, track in _pairs(folder, _label_track))


def holds_selection_tables(folder: Path) -> bool:
    """Whether a recording lies beside a Raven selection table: ``x.wav`` and ``x.Table.1.selections.txt``."""
    return any(True for _ in _pairs(folder, _selection_table))


def read_label_tracks(folder: Path) -> Table:
    """Read the recordings that have a label track; others are left out.

    Raises
    ------
    DataError
        As :func:`label_track_rows`.
    """
    return _table(folder, _pairs(folder, _label_track), label_track_rows)


def read_selection_tables(folder: Path) -> Table:
    """Read the recordings that have a selection table; others are left out.

    Raises
    ------
    DataError
        A table without times, or without an annotation column.
    """
    return _table(folder, _pairs(folder, _selection_table), _selection_rows)


def _label_track(file: Path) -> Path:
    return file.with_suffix(".txt")


def _selection_table(file: Path) -> Path:
    return file.with_name(f"{file.stem}.Table.1.selections.txt")


def _pairs(folder: Path, companion: Callable[[Path], Path]) -> Iterator[tuple[Path, Path]]:
    if not folder.is_dir():
        return
    for file in map(Path, find_sound_files(str(folder), files_first=True)):
        if (beside := companion(file)).is_file():
            yield file, beside


def _is_label_track(track: Path) -> bool:
    """Whether the first line holds two times; a transcript or a note beside a recording does not."""
    with track.open(encoding="utf-8-sig", errors="replace") as lines:
        cells = next(lines, "").rstrip("\n").split("\t")
    try:
        return len(cells) >= 2 and float(cells[0]) <= float(cells[1])
    except ValueError:
        return False


def _table(folder: Path, pairs: Iterator[tuple[Path, Path]], read_rows: Callable[[Path], _CellsAt]) -> Table:
    rows, tracks = [], []
    for file, beside in pairs:
        tracks.append(beside)
        with readable(beside):
            found = [(where, cells) for where, cells in read_rows(beside)]
        rows += [Row(where, {"file_name": file.relative_to(folder).as_posix(), **cells}) for where, cells in found]
    columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    filled = tuple(Row(row.where, {name: row.cells.get(name, "") for name in columns}) for row in rows)
    return Table(folder, folder, columns or ("file_name", "start_s", "end_s", "label"), filled, tuple(tracks))


def label_track_rows(track: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the position and the cells ``start_s``, ``end_s`` and ``label`` of each label in an Audacity track.

    Raises
    ------
    DataError
        A line that is not start, end and label separated by tabs, or a label at a point, which has no sound.
    """
    for number, line in enumerate(track.read_text(encoding="utf-8-sig").splitlines(), 1):
        where = f"{track}, line {number}"
        if not line.strip() or line.startswith("\\"):  # second line of a label with a frequency range
            continue
        cells = line.split("\t")
        try:
            start_s, end_s = float(cells[0]), float(cells[1])
        except (IndexError, ValueError):
            raise DataError(
                f"{where}: a label must be its start, end and text, separated by tabs. Got {line!r}. Export the track "
                "from Audacity again."
            ) from None
        if start_s == end_s:
            raise DataError(f"{where}: a label must mark a stretch of sound. This one is a point: widen or remove it.")
        yield where, {"start_s": cells[0], "end_s": cells[1], "label": cells[2] if len(cells) > 2 else ""}


def _selection_rows(table: Path) -> _CellsAt:
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        columns = reader.fieldnames or ()
        if missing := [name for name in (_BEGIN, _END) if name not in columns]:
            raise DataError(f"{table}: a selection table must have the column {missing[0]!r}. It has {list(columns)}.")
        label_column = next((name for name in _LABEL_COLUMNS if name in columns), None)
        if label_column is None:
            raise DataError(
                f"{table}: a selection table must have an annotation column: {', '.join(_LABEL_COLUMNS)}. "
                f"It has {list(columns)}. Add an annotation column in Raven."
            )
        seen = set()
        for cells in reader:
            where = f"{table}, line {reader.line_num}"
            if None in cells or None in cells.values():
                raise DataError(f"{where}: a row must have as many cells as the header, {len(columns)}. Save it again.")
            selection = (cells.get("Selection", reader.line_num), cells[_BEGIN], cells[_END], cells[label_column])
            if selection in seen:
                continue
            seen.add(selection)
            other = {
                name: cell for name, cell in cells.items() if name not in (_BEGIN, _END, label_column, *_VIEW_COLUMNS)
            }
            yield where, {"start_s": cells[_BEGIN], "end_s": cells[_END], "label": cells[label_column], **other}
