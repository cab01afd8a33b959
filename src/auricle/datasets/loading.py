"""Load a dataset from a table or folder: choose the columns, and check files, labels, targets, times and groups."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.readers import read_table
from auricle.datasets.tables.columns import check_names, suggestion
from auricle.datasets.tables.frames import read_frame
from auricle.datasets.tables.recorder_columns import with_recorder_columns
from auricle.datasets.tables.table import Row, Table
from auricle.datasets.times import made_at
from auricle.errors import DataError, UsageError
from auricle.records import Omitted
from auricle.tasks.table import Task

__all__ = ["RESERVED_COLUMNS", "Recordings", "load", "load_recordings"]

RESERVED_COLUMNS = ("file_name", "start_s", "end_s", "split", "time")
"""Columns that are never metadata."""

MAX_NAMED = 10
"""Most ambiguous labels in a message."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """Recordings that need no label, and what reading left out."""

    examples: tuple[Example, ...]
    omitted: tuple[Omitted, ...]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns to read, and whether every row must have a label."""

    task: Task
    label: str
    group: str | None
    fold: str | None
    needs_label: bool


def load(
    data: object,
    *,
    task: Task | Literal["auto"] = "auto",
    label: str | None = None,
    target: str | None = None,
    group: str | None = None,
    fold: str | None = None,
    root: Path | None = None,
) -> Dataset:
    """Load a dataset; `Dataset.load` documents parameters and errors."""
    table = _recorded(_read(data, root))
    _check_columns(table, {"label": label, "target": target, "group": group, "fold": fold})
    columns = _choose_columns(table, task, label, target, group, fold)
    examples = _examples(table, columns)
    _check_recordings(examples, columns.group, table)
    return Dataset(examples, columns.task, source=str(table.source), group_column=columns.group, omitted=table.omitted)


def load_recordings(
    path: Path, task: Task, *, label: str | None = None, group: str | None = None, root: Path | None = None
) -> Recordings:
    """Read recordings that need no label, and what was left out; without a cell, label and target are None.

    Parameters
    ----------
    path : Path
        As of `Dataset.load`.
    task : str
        Whether labels are classes or numbers.
    label : str, optional
        Column of the label; by default ``label``, or ``target`` for numbers.
    group : str, optional
        Column of the groups; ``group`` if the table has it, else every file is its own group.
    root : Path, optional
        Folder that relative file names start from; by default the folder of the table.

    Raises
    ------
    DataError
        Rows, files, labels or times that cannot be used.
    UsageError
        A column or folder that does not exist.
    """
    table = _recorded(_read(path, root))
    _check_columns(table, {"label": label, "group": group})
    label_column = label or ("label" if task == "classify" else "target")
    columns = _Columns(task, label_column, _group_column(table, group), None, needs_label=False)
    examples = _examples(table, columns)
    _check_times(examples, table)
    if columns.group is None:  # a relative name might equal that of a recording in the training data
        examples = tuple(replace(example, group=str(example.file)) for example in examples)
    return Recordings(examples, table.omitted)


def _read(data: object, root: Path | None) -> Table:
    table = read_table(Path(data)) if isinstance(data, str | os.PathLike) else read_frame(data)
    if root is None:
        return table
    if table.source == table.folder:
        raise UsageError(
            f"{table.source}: `root` is the folder that relative file names of a table start from. This is not a table."
        )
    if not root.is_dir():
        raise UsageError(f"`root` must be a folder. There is no folder {root}.")
    return replace(table, folder=root)


def _recorded(table: Table) -> Table:
    """Return the table with what recorders wrote; a row without a file is left to the checks."""
    if "file_name" not in table.columns or not all(row.cells["file_name"].strip() for row in table.rows):
        return table
    return with_recorder_columns(table, (_file(row, table)[0] for row in table.rows))


def _check_columns(table: Table, options: dict[str, str | None]) -> None:
    for option, name in options.items():
        if name is not None and name not in table.columns:
            raise UsageError(
                f"{table.source}: `{option}` must name a column. There is no {name!r}; there are {_listed(table)}."
            )
    if "file_name" not in table.columns:
        raise DataError(
            f"{table.source}: a table must have the column 'file_name'. Its columns are {_listed(table)}."
            f"{suggestion(table, 'file_name')} Rename it: file_name."
        )
    check_names(table, [name for name in options.values() if name is not None])


def _group_column(table: Table, group: str | None) -> str | None:
    return "group" if group is None and "group" in table.columns else group


def _choose_columns(
    table: Table, task: str, label: str | None, target: str | None, group: str | None, fold: str | None
) -> _Columns:
    if label is not None and target is not None:
        raise UsageError("`label` and `target` cannot both be named: a model learns one of them.")
    if (task == "classify" and target is not None) or (task == "regress" and label is not None):
        raise UsageError(f"`task` {task!r} contradicts the column that was named. Leave one of the two out.")
    if task == "auto":
        regress = target is not None or (label is None and "target" in table.columns)
        task = "regress" if regress else "classify"
    label_column = (target or "target") if task == "regress" else (label or "label")
    if label_column not in table.columns:
        option = "target" if task == "regress" else "label"
        raise DataError(
            f"{table.source}: a table must have the column {label_column!r}, or `{option}` must name another. "
            f"Its columns are {_listed(table)}.{suggestion(table, label_column)}"
        )
    is_class = task == "classify"
    return _Columns(
        "classify" if is_class else "regress", label_column, _group_column(table, group), fold, needs_label=True
    )


def _examples(table: Table, columns: _Columns) -> tuple[Example, ...]:
    if columns.needs_label:
        _check_filled(table, columns.label)
    examples = tuple(_example(row, table, columns) for row in table.rows)
    _check_files(examples, table)
    _check_contradictions(examples, table)
    _check_spellings(examples, table)
    return examples


def _example(row: Row, table: Table, columns: _Columns) -> Example:
    file, name = _file(row, table)
    start_s, end_s = _part(row)
    has_label = columns.needs_label or bool(row.cells.get(columns.label, "").strip())
    return Example(
        file=file,
        label=_cell(row, columns.label) if has_label and columns.task == "classify" else None,
        target=_number(row, columns.label) if has_label and columns.task == "regress" else None,
        group=_cell(row, columns.group) if columns.group else name,
        start_s=start_s,
        end_s=end_s,
        fold=_cell(row, columns.fold) if columns.fold else None,
        split=row.cells.get("split") or None,
        time=row.cells.get("time", "").strip() or None,
        metadata={c: v for c, v in row.cells.items() if c not in RESERVED_COLUMNS and c != columns.label},
        where=row.where,
    )


def _file(row: Row, table: Table) -> tuple[Path, str]:
    """Return a row's file, and its name relative to the folder; a table may name any file.

    Windows' backslashes are read where no file has them in its name.
    """
    name = _cell(row, "file_name")
    if "\\" in name and not (table.folder / name).is_file():
        name = name.replace("\\", "/")
    inside = os.path.relpath(os.path.normpath(table.folder / name), os.path.normpath(table.folder))
    # A `..` that leads out of the folder starts at its real location, also if a link leads to the folder.
    is_outside = Path(inside).parts[:1] == (os.pardir,)
    file = Path(os.path.normpath(table.folder.resolve() / name)) if is_outside else table.folder / inside
    return file, Path(inside).as_posix()


def _part(row: Row) -> tuple[float, float | None]:
    start_s = _number(row, "start_s") if row.cells.get("start_s", "").strip() else 0.0
    end_s = _number(row, "end_s") if row.cells.get("end_s", "").strip() else None
    if start_s < 0 or (end_s is not None and end_s <= start_s):
        raise DataError(
            f"{row.where}: a part must begin at 0 s or later and end after it begins. Got {start_s} s to {end_s} s."
        )
    return start_s, end_s


def _cell(row: Row, column: str) -> str:
    value = row.cells[column]
    if not value.strip():
        raise DataError(f"{row.where}: {column!r} must not be empty. Fill it in, or remove the row.")
    return value


def _check_filled(table: Table, column: str) -> None:
    empty = [row.where for row in table.rows if not row.cells[column].strip()]
    if empty:
        count = f" {len(empty)} of {len(table.rows)} rows have none." if len(empty) > 1 else ""
        raise DataError(f"{empty[0]}: {column!r} must not be empty. Fill it in, or remove the row.{count}")


def _number(row: Row, column: str) -> float:
    text = _cell(row, column)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise DataError(f"{row.where}: {column!r} must be a number, with a point for decimals. Got {text!r}.")
    return value


def _check_files(examples: Sequence[Example], table: Table) -> None:
    missing = [i for i, example in enumerate(examples) if not os.path.isfile(example.file)]  # noqa: PTH113  (of any name)
    if missing:
        row = table.rows[missing[0]]
        more = f" {len(missing)} of {len(table.rows)} rows name files that are missing." if len(missing) > 1 else ""
        raise DataError(
            f"{row.where}: the recording must be there. There is no file {examples[missing[0]].file}.{more}"
        )


def _check_contradictions(examples: Sequence[Example], table: Table) -> None:
    seen: dict[tuple[Path, float, float | None], int] = {}
    for i, example in enumerate(examples):
        if example.label is None and example.target is None:
            continue
        first = seen.setdefault((example.file, example.start_s, example.end_s), i)
        if (examples[first].label, examples[first].target) != (example.label, example.target):
            before, after = (e.label if e.target is None else e.target for e in (examples[first], example))
            raise DataError(
                f"{table.rows[i].where}: a recording must have one label. {example.file} is {after!r} here and "
                f"{before!r} at {table.rows[first].where}. Remove the wrong row."
            )


def _check_spellings(examples: Sequence[Example], table: Table) -> None:
    spellings: dict[str, list[str]] = {}
    for label in sorted({example.label for example in examples if example.label is not None}):
        spellings.setdefault("".join(label.split()).casefold(), []).append(label)
    alike = [" and ".join(map(repr, names)) for names in spellings.values() if len(names) > 1]
    if alike:
        shown = ", or ".join(alike[:MAX_NAMED]) + (
            f", and so on: {len(alike)} in all" if len(alike) > MAX_NAMED else ""
        )
        raise DataError(
            f"{table.source}: labels must differ in more than spaces or case. {shown} do not. "
            "Spell them alike if they are one class, or rename them."
        )


def _check_times(examples: Sequence[Example], table: Table) -> None:
    for row, example in zip(table.rows, examples, strict=True):
        if example.time is not None and np.isnat(made_at(example.time)):
            raise DataError(
                f"{row.where}: 'time' must be ISO 8601, such as 2026-03-01T14:30:00Z, or seconds since 1970. "
                f"Got {example.time!r}."
            )


def _check_recordings(examples: Sequence[Example], group: str | None, table: Table) -> None:
    groups: dict[Path, str] = {}
    for row, example in zip(table.rows, examples, strict=True):
        first = groups.setdefault(example.file, example.group)
        if first != example.group:
            raise DataError(
                f"{row.where}: all parts of a recording must be in one group, or it could be on both sides of a "
                f"split. By {group!r}, {example.file} is in {first!r} and {example.group!r}. Name a coarser column."
            )


def _listed(table: Table) -> str:
    return ", ".join(repr(name) for name in table.columns)
