"""Read a table of recordings as labelled examples: choose its columns, check its cells, refuse what is in doubt."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.readers import read_table
from auricle.datasets.tables import Row, Table
from auricle.datasets.times import made_at
from auricle.errors import DataError, UsageError
from auricle.tasks.table import Task

__all__ = ["RESERVED_COLUMNS", "load", "load_recordings"]

RESERVED_COLUMNS = ("file_name", "start_s", "end_s", "split", "time")
"""Columns that are no metadata, whatever else a table holds."""

MAX_NAMED = 10
"""Labels in doubt that a message lists."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column says what, and whether every row must have a label."""

    task: Task
    answer: str
    group: str | None
    fold: str | None
    needs_label: bool


def load(
    path: Path,
    *,
    task: Task | Literal["auto"] = "auto",
    label: str | None = None,
    target: str | None = None,
    group: str | None = None,
    fold: str | None = None,
    root: Path | None = None,
) -> Dataset:
    """Read labelled sound; `Dataset.load` says what each option does.

    Raises
    ------
    DataError : rows, files, labels or targets that cannot be used
    UsageError : a column or folder that is not there, or options that contradict each other
    """
    table = _read(path, root)
    _check_columns(table, {"label": label, "target": target, "group": group, "fold": fold})
    columns = _choose(table, task, label, target, group, fold)
    examples = _examples(table, columns)
    _check_recordings(examples, columns.group, table)
    return Dataset(examples, columns.task, source=str(path), group_column=columns.group)


def load_recordings(
    path: Path, task: Task, *, label: str | None = None, group: str | None = None, root: Path | None = None
) -> tuple[Example, ...]:
    """Read recordings that need no label: an empty cell, or no such column, leaves label and target None.

    Parameters
    ----------
    path : as `Dataset.load` reads
    task : whether a label is a class or a number
    label : column of the label; ``label``, or ``target`` for numbers, if not given
    group : column of what is not independent; ``group`` where the table has it, else every file is its own group
    root : where relative file names begin; the table's folder if not given

    Raises
    ------
    DataError : rows, files, labels or times that cannot be used
    UsageError : a column or folder that is not there
    """
    table = _read(path, root)
    _check_columns(table, {"label": label, "group": group})
    answer = label or ("label" if task == "classify" else "target")
    columns = _Columns(task, answer, _group_column(table, group), None, needs_label=False)
    examples = _examples(table, columns)
    _check_times(examples, table)
    if columns.group is None:  # by its relative name, a recording could pass for one of the training data
        examples = tuple(replace(example, group=str(example.file)) for example in examples)
    return examples


def _read(path: Path, root: Path | None) -> Table:
    table = read_table(path)
    if root is None:
        return table
    if table.source == table.folder:
        raise UsageError(f"{path}: `root` says where the relative file names of a table begin. This is no table.")
    if not root.is_dir():
        raise UsageError(f"`root` must be a folder. There is no folder {root}.")
    return replace(table, folder=root)


def _check_columns(table: Table, options: dict[str, str | None]) -> None:
    for option, name in options.items():
        if name is not None and name not in table.columns:
            raise UsageError(
                f"{table.source}: `{option}` must name a column. There is no {name!r}; there are {_listed(table)}."
            )
    if "file_name" not in table.columns:
        raise DataError(
            f"{table.source}: a table must have the column 'file_name'. Its columns are {_listed(table)}; "
            "CSV cells are separated by commas."
        )


def _group_column(table: Table, group: str | None) -> str | None:
    return "group" if group is None and "group" in table.columns else group


def _choose(
    table: Table, task: str, label: str | None, target: str | None, group: str | None, fold: str | None
) -> _Columns:
    if label is not None and target is not None:
        raise UsageError("`label` and `target` cannot both be named: one question is learned at a time.")
    if (task == "classify" and target is not None) or (task == "regress" and label is not None):
        raise UsageError(f"`task` {task!r} contradicts the column that was named. Leave one of the two out.")
    if task == "auto":
        regress = target is not None or (label is None and "target" in table.columns)
        task = "regress" if regress else "classify"
    answer = (target or "target") if task == "regress" else (label or "label")
    if answer not in table.columns:
        option = "target" if task == "regress" else "label"
        raise DataError(
            f"{table.source}: a table must have the column {answer!r}, or `{option}` must name another. "
            f"Its columns are {_listed(table)}."
        )
    is_class = task == "classify"
    return _Columns("classify" if is_class else "regress", answer, _group_column(table, group), fold, needs_label=True)


def _examples(table: Table, columns: _Columns) -> tuple[Example, ...]:
    examples = tuple(_example(row, table, columns) for row in table.rows)
    _check_files(examples, table)
    _check_contradictions(examples, table)
    _check_spellings(examples, table)
    return examples


def _example(row: Row, table: Table, columns: _Columns) -> Example:
    file, name = _file(row, table)
    start_s, end_s = _part(row)
    has_label = columns.needs_label or bool(row.cells.get(columns.answer, "").strip())
    return Example(
        file=file,
        label=_cell(row, columns.answer) if has_label and columns.task == "classify" else None,
        target=_number(row, columns.answer) if has_label and columns.task == "regress" else None,
        group=_cell(row, columns.group) if columns.group else name,
        start_s=start_s,
        end_s=end_s,
        fold=_cell(row, columns.fold) if columns.fold else None,
        split=row.cells.get("split") or None,
        time=row.cells.get("time", "").strip() or None,
        metadata={c: v for c, v in row.cells.items() if c not in RESERVED_COLUMNS and c != columns.answer},
    )


def _file(row: Row, table: Table) -> tuple[Path, str]:
    """Return where a row's recording is, and its name relative to the folder; a table may name any file."""
    name = _cell(row, "file_name")
    inside = os.path.relpath(os.path.normpath(table.folder / name), os.path.normpath(table.folder))
    # A `..` that leads out of the folder starts where the folder lies, also when it is reached through a link.
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
    missing = [i for i, example in enumerate(examples) if not example.file.is_file()]
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
            before, after = (one.label if one.target is None else one.target for one in (examples[first], example))
            raise DataError(
                f"{table.rows[i].where}: one sound has one answer. {example.file} is {after!r} here and {before!r} at "
                f"{table.rows[first].where}. Remove the wrong row."
            )


def _check_spellings(examples: Sequence[Example], table: Table) -> None:
    spellings: dict[str, list[str]] = {}
    for label in sorted({example.label for example in examples if example.label is not None}):
        spellings.setdefault("".join(label.split()).casefold(), []).append(label)
    alike = [" and ".join(map(repr, names)) for names in spellings.values() if len(names) > 1]
    if alike:
        more = f", and so on: {len(alike)} in all" if len(alike) > MAX_NAMED else ""
        raise DataError(
            f"{table.source}: are the labels {', or '.join(alike[:MAX_NAMED])}{more} one class? They differ only in "
            "spaces or case. Write them alike, or name them so that they can be told apart."
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
                f"{row.where}: all parts of a recording must lie in one group, or it would stand on both sides of a "
                f"split. By {group!r}, {example.file} is in {first!r} and {example.group!r}. Name a coarser column."
            )


def _listed(table: Table) -> str:
    return ", ".join(repr(name) for name in table.columns)
