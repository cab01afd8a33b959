"""Text of annotations: decode it, whatever program wrote it, and read its numbers and its tables of cells."""

import codecs
import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auricle.errors import DataError

__all__ = ["UNNAMED", "Cells", "columns_of", "decode", "lines_of", "number", "read_cells", "seconds"]

_NUMBER = re.compile(r"\s*[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?\s*")
_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Encodings by the bytes that a file begins with."""


def decode(raw: bytes, *, is_whole: bool = True) -> str:
    """Return text that is UTF-8 or UTF-16, with or without a byte order mark, or else Windows' and ISO's Latin-1.

    Parameters
    ----------
    raw : bytes
    is_whole : bool
        Whether the bytes end where the file ends; otherwise a character cut in two is left out.

    Raises
    ------
    DataError
        UTF-16 that is cut short or holds half a character.
    """
    encoding = next((name for mark, name in _MARKED if raw.startswith(mark)), None) or _unmarked(raw)
    try:
        return codecs.getincrementaldecoder(encoding)().decode(raw, final=is_whole)
    except UnicodeDecodeError as error:
        if encoding.startswith("utf-16"):
            raise DataError(
                f"Text in UTF-16 must be whole. From byte {error.start} on it is not. Save it again."
            ) from None
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:  # five bytes that Windows leaves undefined
        return raw.decode("latin-1")


def _unmarked(raw: bytes) -> str:
    """Return the encoding of text without a byte order mark: Latin letters in UTF-16 have every other byte zero."""
    low, high = raw[0:400:2], raw[1:400:2]
    if high and high.count(0) > len(high) / 2 and not low.count(0):
        return "utf-16-le"
    if low and low.count(0) > len(low) / 2 and not high.count(0):
        return "utf-16-be"
    return "utf-8"


def lines_of(text: str) -> list[str]:
    """Return the lines of text, whatever system ended them; only these characters end a line in a text editor."""
    return re.split(r"\r\n|\r|\n", text)


def number(text: str) -> str | None:
    """Return a finite number, with a point or comma for decimals, as text with a point; None if it is none."""
    if _NUMBER.fullmatch(text) is None:
        return None
    pointed = text.strip().replace(",", ".")
    return pointed if math.isfinite(float(pointed)) else None


def seconds(text: str, column: str, where: str) -> str:
    """Return a time in seconds as text with a point for decimals.

    Raises
    ------
    DataError
        Not a number.
    """
    if (value := number(text)) is None:
        raise DataError(f"{where}: {column!r} must be a number of seconds. Got {text[:80]!r}. Save the table again.")
    return value


def _separator(header: str) -> str:
    return max("\t;,", key=header.count)


UNNAMED: Final = "Unnamed: 0"
"""Name of a first column that has none, such as the numbers of rows that pandas writes, which calls it so too."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A table: its columns as written by their names in small letters, and the position and cells of each row."""

    columns: dict[str, str]
    rows: list[tuple[str, dict[str, str]]]


def columns_of(lines: list[str]) -> dict[str, str]:
    """Return the columns of a table as written by their names in small letters, from its first line with content.

    An asterisk behind a name, which Kaleidoscope puts there, is none of the small letters.
    """
    header = next((line for line in lines if line.strip()), "")
    return _by_small_letters([cell.strip().strip('"').strip() for cell in header.split(_separator(header))])


def _by_small_letters(names: list[str]) -> dict[str, str]:
    return {name.lower().rstrip("*").strip(): name for name in names if name}


def read_cells(path: Path, text: str) -> Cells:
    r"""Read a table with a row of column names: cells by name, for each row with content.

    Cells are separated by tabs, semicolons or commas, whichever the first row holds most of. Between tabs a quote is a
    character like any other, as Raven writes it. Empty cells at the end of a row may be missing or too many.

    Parameters
    ----------
    path : Path
        For messages.
    text : str

    Raises
    ------
    DataError
        Columns of one name, a cell beyond the last column, or quotes that do not match.

    Examples
    --------
    >>> read_cells(Path("a.txt"), "Begin\tLabel\tNote\n0.5\tdog\n").rows
    [('a.txt, line 2', {'Begin': '0.5', 'Label': 'dog', 'Note': ''})]
    """
    split = _split_rows(path, text)
    where, header = next(split, (str(path), []))
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    if names and not names[0]:
        names[0] = UNNAMED
    columns = _by_small_letters(names)
    small = [name.lower().rstrip("*").strip() for name in names if name]
    if twice := next((name for name in small if small.count(name) > 1), None):
        raise DataError(f"{where}: column names must differ in more than case. {twice!r} occurs twice.")
    rows = []
    for where, cells in split:
        beyond = [cell for cell in cells[len(names) :] if cell.strip()]
        unnamed = [cell for name, cell in zip(names, cells, strict=False) if not name and cell.strip()]
        if beyond or unnamed:
            raise DataError(
                f"{where}: every cell must have a column. {(beyond + unnamed)[0][:80]!r} has none: the table has "
                f"{len(names)} columns. Name its column, or remove it."
            )
        filled = dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=False))
        filled.pop("", None)
        rows.append((where, filled))
    return Cells(columns, rows)


def _split_rows(path: Path, text: str) -> Iterator[tuple[str, list[str]]]:
    lines = lines_of(text)
    separator = _separator(next((line for line in lines if line.strip()), ""))
    split: Iterator[tuple[int, list[str]]]
    if separator == "\t":
        split = ((place, line.split("\t")) for place, line in enumerate(lines, 1))
    else:
        split = _split_quoted(path, lines, separator)
    for place, cells in split:
        if any(cell.strip() for cell in cells):
            yield f"{path}, line {place}", cells


def _split_quoted(path: Path, lines: list[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((line + "\n" for line in lines), delimiter=separator, strict=True, skipinitialspace=True)
    first = 1
    try:
        for cells in reader:
            yield first, cells
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {first}: the cells cannot be separated: {error}. Quotes must stand around whole cells."
        ) from None
