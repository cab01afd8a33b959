"""OpenSoundscape's CSV: a row for each annotation, or for each clip with a column of 0 and 1 for each class."""

from collections.abc import Mapping
from pathlib import Path

from auricle.datasets.annotations.marks import Format, LeftOut, Mark, Marks
from auricle.datasets.annotations.text import UNNAMED, columns_of, read_cells, seconds
from auricle.errors import DataError

__all__ = ["OPENSOUNDSCAPE"]

_START, _END = "start_time", "end_time"
_PATHS = ("audio_file", "file")
_LABEL_COLUMNS = ("annotation", "label")
_IS_PRESENT = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False, "": False}


def _recognises(lines: list[str]) -> bool:
    columns = columns_of(lines)
    is_named = any(name in columns for name in _PATHS)
    return {_START, _END} <= columns.keys() and (is_named or "annotation" in columns) and "file_name" not in columns


def _read(path: Path, text: str) -> Marks:
    """Read annotations, or clips whose one class is their label; a clip of no or several classes is left out.

    Raises
    ------
    DataError
        Neither an annotation column nor columns of 0 and 1.
    """
    table = read_cells(path, text)
    columns, rows = table.columns, table.rows
    label_column = next((columns[name] for name in _LABEL_COLUMNS if name in columns), None)
    known = {UNNAMED, *(columns[name] for name in (_START, _END, *_PATHS) if name in columns)}
    marks: list[Mark] = []
    left_out: list[LeftOut] = []
    for where, cells in rows:
        start_s, end_s = (seconds(cells[columns[name]], columns[name], where) for name in (_START, _END))
        named = tuple(filter(None, (cells[columns[name]].strip() for name in _PATHS if name in columns)))
        other = {name: cell for name, cell in cells.items() if name not in known and name != label_column}
        if label_column is not None:
            marks.append(Mark(where, start_s, end_s, cells[label_column], named, other))
            continue
        classes = _classes(other, where)
        if len(classes) == 1:
            marks.append(Mark(where, start_s, end_s, classes[0], named))
        else:
            reason = "of several classes, and a recording has one" if classes else "of no class"
            left_out.append(("annotations", f"clips {reason}", where))
    return Marks(tuple(marks), tuple(left_out))


def _classes(cells: Mapping[str, str], where: str) -> list[str]:
    """Return the classes that are present in a clip."""
    if not cells:
        raise DataError(
            f"{where}: a clip must have the column 'annotation', or one of 0 and 1 for each class. Add one."
        )
    for name, cell in cells.items():
        if cell.strip().lower() not in _IS_PRESENT:
            raise DataError(
                f"{where}: a class must be present (1) or absent (0). {name!r} is {cell[:80]!r}. Write 0 or 1, not "
                "scores, or name the class of each row in the column 'annotation'."
            )
    return [name for name, cell in cells.items() if _IS_PRESENT[cell.strip().lower()]]


OPENSOUNDSCAPE = Format(_recognises, _read, names_recordings=True)
