"""Read CSV, JSON Lines and Parquet tables as rows of named text cells."""

import csv
import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auricle.errors import DataError, UsageError
from auricle.records import Omitted

__all__ = ["Row", "Table", "read_csv", "read_jsonl", "read_parquet", "readable"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its position, for messages, and its cells by column; a missing cell is empty."""

    where: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one source.

    Parameters
    ----------
    source : Path
        The file or folder read.
    folder : Path
        ``file_name`` is relative to it.
    columns : tuple of str
        In the order of the source.
    rows : tuple of Row
        At least one.
    beside : tuple of Path
        Files of a folder that were read beside the recordings: the table, annotations.
    omitted : tuple of Omitted
        What was left out.
    """

    source: Path
    folder: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    beside: tuple[Path, ...] = ()
    omitted: tuple[Omitted, ...] = ()

    def __post_init__(self) -> None:
        if not self.rows:
            raise DataError(f"{self.source}: a table must name at least one recording. It has no rows.")
        if len(set(self.columns)) < len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise DataError(f"{self.source}: column names must differ. {twice!r} occurs twice.")


def read_csv(path: Path) -> Table:
    """Read a CSV table: UTF-8, commas, a header row.

    Raises
    ------
    DataError
        Not UTF-8, no rows, or a row with more or fewer cells than the header.
    """
    with readable(path), path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = tuple(next(reader, ()))
        if not header:
            raise DataError(f"{path}: a table must begin with a row of column names. The file is empty.")
        rows = []
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{where}: a row must have as many cells as the header ({len(header)}). Got {len(cells)}. "
                    "Cells are separated by commas; quote those that hold one."
                )
            rows.append(Row(where, dict(zip(header, cells, strict=True))))
    return Table(path, path.parent, header, tuple(rows))


def read_jsonl(path: Path) -> Table:
    """Read a table with one JSON object per line; numbers become JSON text.

    Raises
    ------
    DataError
        Not UTF-8, no rows, or a line that is not a JSON object.
    """
    rows = []
    with readable(path), path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                cells = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{where}: every line must be a JSON object. {error.msg}.") from error
            if not isinstance(cells, dict):
                raise DataError(f"{where}: every line must be a JSON object. Got {type(cells).__name__}.")
            rows.append(Row(where, {name: _text(value) for name, value in cells.items()}))
    return _filled(path, rows)


def read_parquet(path: Path) -> Table:
    """Read a Parquet table; needs pyarrow.

    Raises
    ------
    UsageError
        pyarrow is not installed.
    DataError
        Not a Parquet file, or no rows.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError(
            f"{path}: reading Parquet needs pyarrow: pip install 'auricle[parquet]'. Or save it as CSV."
        ) from None
    try:
        records: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
        raise DataError(f"{path}: not a readable Parquet table: {error}.") from error
    rows = [
        Row(f"{path}, row {number}", {name: _text(value) for name, value in record.items()})
        for number, record in enumerate(records, 1)
    ]
    return _filled(path, rows)


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
        wrong = error.object[error.start]
        raise DataError(f"{path}: a table must be UTF-8 text. Byte {wrong:#04x} is not. Save it as UTF-8.") from error
    except csv.Error as error:
        raise DataError(f"{path}: not a readable CSV table: {error}.") from error
    except OSError as error:
        raise DataError(f"{path}: the table cannot be read: {error.strerror}.") from error


def _filled(path: Path, rows: list[Row]) -> Table:
    """Give every row every column: JSON objects and Parquet records may leave some out."""
    columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    return Table(
        path, path.parent, columns, tuple(Row(r.where, {c: r.cells.get(c, "") for c in columns}) for r in rows)
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
