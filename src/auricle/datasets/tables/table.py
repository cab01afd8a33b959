"""A table of labelled sound, whatever it was read from: rows of named text cells, and what was left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auricle.errors import DataError
from auricle.records import Omitted, count_omitted

__all__ = ["MISSING", "Row", "Table", "table_of"]

MISSING: Final = frozenset({"nan", "n/a", "null", "<na>", "#n/a", "nat"})
"""Cells, in lower case, that programs write where a value is missing; R's ``NA`` is one in capitals only."""


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


def table_of(
    source: Path, folder: Path, columns: Iterable[str], rows: Iterable[Row], omitted: Iterable[Omitted] = ()
) -> Table:
    """Return a table of rows as they were read: every row with every column, missing values empty, each row once.

    Raises
    ------
    DataError
        No rows, or a column twice.
    """
    columns = tuple(columns)
    seen: set[tuple[str, ...]] = set()
    kept, twice = [], []
    for row in rows:
        cells = {column: _value(column, row.cells.get(column, "")) for column in columns}
        content = tuple(cells.values())
        if content in seen:
            twice.append(("rows", "the same as a row before", row.where))
            continue
        seen.add(content)
        kept.append(Row(row.where, cells))
    return Table(source, folder, columns, tuple(kept), omitted=(*omitted, *count_omitted(twice)))


def _value(column: str, cell: str) -> str:
    text = cell.strip()
    is_missing = column != "file_name" and (text == "NA" or text.casefold() in MISSING)
    return "" if is_missing else cell
