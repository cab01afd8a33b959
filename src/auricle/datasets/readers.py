"""The formats of labelled sound (tables, class folders, annotations), and the choice of the reader of a path."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from auricle.audio.sound_files import unread_files
from auricle.datasets.annotations.neighbours import reason_unread
from auricle.datasets.annotations.reader import (
    FORMATS,
    holds_annotations,
    is_annotations,
    read_annotated_folder,
    read_annotations,
)
from auricle.datasets.folders import read_class_folders
from auricle.datasets.tables.frames import read_parquet
from auricle.datasets.tables.table import Table
from auricle.datasets.tables.text import read_csv, read_json, read_jsonl, refuse_workbook
from auricle.errors import DataError
from auricle.records import Omitted

__all__ = ["READERS", "Reader", "read_table"]


@dataclass(frozen=True, slots=True)
class Reader:
    """One format of labelled sound: whether a path has it, and how to read it."""

    accepts: Callable[[Path], bool]
    read: Callable[[Path], Table]


def _has_suffix(*suffixes: str) -> Callable[[Path], bool]:
    return lambda path: path.is_file() and path.suffix.lower() in suffixes


def _holds(name: str) -> Callable[[Path], bool]:
    return lambda path: (path / name).is_file()


def _inside(name: str, read: Callable[[Path], Table]) -> Callable[[Path], Table]:
    return lambda folder: replace(read(folder / name), beside=(folder / name,))


_WORKBOOKS = frozenset({".xlsx", ".xls", ".xlsm", ".ods", ".numbers"})


READERS: dict[str, Reader] = {
    f"file of annotations ({', '.join(FORMATS)})": Reader(is_annotations, read_annotations),
    "CSV table": Reader(_has_suffix(".csv", ".tsv"), read_csv),
    "JSON lines table": Reader(_has_suffix(".jsonl", ".ndjson"), read_jsonl),
    "JSON table": Reader(_has_suffix(".json"), read_json),
    "Parquet table": Reader(_has_suffix(".parquet"), read_parquet),
    "folder with metadata.csv": Reader(_holds("metadata.csv"), _inside("metadata.csv", read_csv)),
    "folder with metadata.jsonl": Reader(_holds("metadata.jsonl"), _inside("metadata.jsonl", read_jsonl)),
    "folder with metadata.parquet": Reader(_holds("metadata.parquet"), _inside("metadata.parquet", read_parquet)),
    f"folder of recordings beside annotations ({', '.join(FORMATS)})": Reader(holds_annotations, read_annotated_folder),
    "folder with one sub-folder per class": Reader(Path.is_dir, read_class_folders),
}
"""The first reader that accepts a path reads it."""


def read_table(path: Path) -> Table:
    """Read labelled sound in any of the formats of `READERS`; what a folder holds beside it is counted as omitted.

    Raises
    ------
    DataError
        The path does not exist, or no reader accepts it.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder.")
    for reader in READERS.values():
        if reader.accepts(path):
            try:
                table = reader.read(path)
            except OSError as error:
                raise DataError(
                    f"{error.filename or path}: what is read must be readable. {error.strerror}."
                ) from error
            return replace(table, omitted=(*table.omitted, *_unread(path, table))) if path.is_dir() else table
    if path.suffix.lower() in _WORKBOOKS:
        refuse_workbook(path)
    raise DataError(f"{path}: labelled sound must be one of: {', '.join(READERS)}. This is none of them.")


def _unread(folder: Path, table: Table) -> tuple[Omitted, ...]:
    recordings = (table.folder / row.cells["file_name"] for row in table.rows if row.cells.get("file_name"))
    return unread_files(
        str(folder), {os.path.normpath(path) for path in (*recordings, *table.beside)}, reason_unread(folder)
    )
