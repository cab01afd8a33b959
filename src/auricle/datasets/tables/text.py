"""Read CSV, TSV, JSON and JSON Lines tables, as spreadsheets and programs write them."""

import codecs
import csv
import io
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from auricle.datasets.tables.table import Row, Table, table_of
from auricle.errors import DataError
from auricle.records import count_omitted

__all__ = ["read_csv", "read_json", "read_jsonl", "readable", "refuse_workbook", "text_of"]

SEPARATORS: Final = ",;\t|"
"""Between the cells of a CSV table; the one that the header has most of, the first of these if several."""


def read_csv(path: Path) -> Table:
    """Read a CSV table with a header row: commas, semicolons, tabs or bars; UTF-8, or UTF-16 with its mark.

    Lines before the header that begin with ``#`` are comments, as are lines after it that begin so and do not have the
    cells of a row; Excel's ``sep=`` line names the separator, and its trailing separators hold no column.

    Raises
    ------
    DataError
        Another encoding, no rows, or a row with more or fewer cells than the header.
    """
    with readable(path):
        text = _decode(path)
        lines = io.StringIO(text, newline="")
        skipped, comments, separator = 0, [], None
        while line := lines.readline():
            if match := re.fullmatch(r"sep=(.)\s*", line):
                separator = match[1]
            elif line.startswith("#"):
                comments.append(_comment(path, skipped + 1))
            elif line.strip():
                break
            skipped += 1
        reader = csv.reader(
            io.StringIO(line + lines.read(), newline=""), delimiter=separator or _separator(line), strict=True
        )
        header = tuple(name.strip() for name in next(reader, ()))
        if not header:
            raise DataError(f"{path}: a table must begin with a row of column names. The file is empty.")
        rows = list(_csv_rows(path, reader, header, skipped, comments))
    named = tuple(name for name in header if name)
    return table_of(path, path.parent, named, rows, count_omitted(comments))


def _csv_rows(
    path: Path, reader: Any, header: tuple[str, ...], skipped: int, comments: list[tuple[str, str, str]]
) -> Iterator[Row]:
    for cells in reader:
        where = f"{path}, line {skipped + reader.line_num}"
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if not cells or not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            if cells[0].startswith("#"):
                comments.append(_comment(path, skipped + reader.line_num))
                continue
            raise DataError(
                f"{where}: a row must have as many cells as the header ({len(header)}). Got {len(cells)}. "
                f"Cells are separated by {_name(reader.dialect.delimiter)}; quote those that hold one."
            )
        if unnamed := next((cell for name, cell in zip(header, cells, strict=True) if not name and cell.strip()), None):
            raise DataError(f"{where}: every column must have a name. The cell {unnamed!r} stands under none.")
        yield Row(where, {name: cell for name, cell in zip(header, cells, strict=True) if name})


def _comment(path: Path, number: int) -> tuple[str, str, str]:
    return "lines", "comments", f"{path}, line {number}"


def _separator(header: str) -> str:
    """Return the separator that the header has most of; the commonest first where it has as many of two, or none."""
    return max(SEPARATORS, key=header.count)


def _name(separator: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(separator, repr(separator))


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    if raw.startswith(b"PK\x03\x04"):
        refuse_workbook(path)
    return raw.decode("utf-8-sig")


def refuse_workbook(path: Path) -> Table:
    """Refuse a spreadsheet's own file.

    Raises
    ------
    DataError
        Always.
    """
    raise DataError(
        f"{path}: a table must be CSV, TSV, JSON or Parquet. This is a workbook: save its sheet as CSV (UTF-8)."
    )


def read_jsonl(path: Path) -> Table:
    """Read a table with one JSON object per line; numbers and lists become JSON text.

    Raises
    ------
    DataError
        Not UTF-8, no rows, or a line that is not a JSON object.
    """
    rows = []
    with readable(path):
        for number, line in enumerate(_decode(path).split("\n"), 1):
            if line.strip():
                where = f"{path}, line {number}"
                must = f"{where}: every line must be a JSON object."
                rows.append(_row(where, _loads(line, must), must))
    return table_of(path, path.parent, _columns(rows), rows)


def read_json(path: Path) -> Table:
    """Read a table that is one JSON list of objects; numbers and lists become JSON text.

    Raises
    ------
    DataError
        Not UTF-8, no rows, or not a list of objects.
    """
    with readable(path):
        found = _loads(_decode(path), f"{path}: a table must be a JSON list of objects, or one object a line (.jsonl).")
    if not isinstance(found, list):
        raise DataError(f"{path}: a table must be a JSON list of objects. Got {type(found).__name__}.")
    rows = [
        _row(where := f"{path}, object {number}", content, f"{where}: every row must be a JSON object.")
        for number, content in enumerate(found, 1)
    ]
    return table_of(path, path.parent, _columns(rows), rows)


def _loads(text: str, must: str) -> object:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{must} {getattr(error, 'msg', 'It is nested too deeply')}.") from error
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{must} {error}.") from error


def _row(where: str, content: object, must: str) -> Row:
    if not isinstance(content, dict):
        raise DataError(f"{must} Got {type(content).__name__}.")
    return Row(where, {name: text_of(value) for name, value in content.items()})


def _columns(rows: list[Row]) -> tuple[str, ...]:
    """Return the columns of rows: JSON objects may leave some out."""
    return tuple(dict.fromkeys(name for row in rows for name in row.cells))


def text_of(value: object) -> str:
    """Return a value as the text of a cell: nothing for None and NaN, JSON for numbers and lists."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # a number of NumPy's
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | int | float | list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn errors of reading a table into a `DataError` that names it.

    Raises
    ------
    DataError
        Not UTF-8, not a table, or not a readable file.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        if error.encoding.startswith("utf-16"):
            raise DataError(f"{path}: a table in UTF-16 must be whole. {error.reason}. Save it as UTF-8.") from error
        wrong = error.object[error.start]
        raise DataError(f"{path}: a table must be UTF-8 text. Byte {wrong:#04x} is not. Save it as UTF-8.") from error
    except csv.Error as error:
        raise DataError(f"{path}: not a readable CSV table: {error}.") from error
    except OSError as error:
        raise DataError(f"{path}: the table cannot be read: {error.strerror}.") from error
