"""A table becomes a data set: columns are chosen, cells are checked, and what is in doubt is asked about."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auricle.datasets.dataset import Dataset, Example, Task
from auricle.datasets.readers import read_table
from auricle.datasets.tables import Row, Table
from auricle.errors import DataError, UsageError

__all__ = ["load"]

_OWN_COLUMNS = ("file_name", "start_s", "end_s", "split", "time")


MAX_NAMED = 10
"""Labels in doubt that a message lists."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column says what."""

    task: Task
    answer: str
    group: str | None
    fold: str | None


def load(
    path: Path,
    *,
    task: Literal["auto", "classify", "regress"] = "auto",
    label: str | None = None,
    target: str | None = None,
    group: str | None = None,
    fold: str | None = None,
) -> Dataset:
    """Read labelled sound; `Dataset.load` says what each option does.

    Raises
    ------
    DataError : rows, files, labels or targets that cannot be used
    UsageError : a column that is not there, or options that contradict each other
    """
    table = read_table(path)
    columns = _choose(table, task, label, target, group, fold)
    examples = tuple(_example(row, table, columns) for row in table.rows)
    _check_files(examples, table)
    _check_contradictions(examples, table)
    _check_spellings((e.label for e in examples if e.label is not None), table)
    _check_recordings(examples, columns.group, table)
    return Dataset(examples, columns.task, source=str(path), group_column=columns.group)


def _choose(
    table: Table, task: str, label: str | None, target: str | None, group: str | None, fold: str | None
) -> _Columns:
    for option, name in (("label", label), ("target", target), ("group", group), ("fold", fold)):
        if name is not None and name not in table.columns:
            raise UsageError(
                f"{table.source}: `{option}` must name a column. There is no {name!r}; there are {_listed(table)}."
            )
    if "file_name" not in table.columns:
        raise DataError(
            f"{table.source}: a table must have the column 'file_name'. Its columns are {_listed(table)}; "
            "CSV cells are separated by commas."
        )
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
    if group is None and "group" in table.columns:
        group = "group"
    return _Columns("regress" if task == "regress" else "classify", answer, group, fold)


def _example(row: Row, table: Table, columns: _Columns) -> Example:
    file = _file(row, table)
    start_s, end_s = _part(row)
    group = _cell(row, columns.group) if columns.group else Path(os.path.relpath(file, table.folder)).as_posix()
    return Example(
        file=file,
        label=_cell(row, columns.answer) if columns.task == "classify" else None,
        target=_number(row, columns.answer) if columns.task == "regress" else None,
        group=group,
        start_s=start_s,
        end_s=end_s,
        fold=_cell(row, columns.fold) if columns.fold else None,
        split=row.cells.get("split") or None,
        time=row.cells.get("time") or None,
        metadata={c: v for c, v in row.cells.items() if c not in _OWN_COLUMNS and c != columns.answer},
    )


def _file(row: Row, table: Table) -> Path:
    name = _cell(row, "file_name")
    inside = os.path.relpath(os.path.normpath(table.folder / name), os.path.normpath(table.folder))
    if "\0" in name or inside == os.curdir or Path(inside).parts[0] == os.pardir:
        raise DataError(
            f"{row.where}: `file_name` must name a file in the table's folder or below it. Got {name!r}. "
            "Move the table or the recordings."
        )
    return table.folder / inside


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


def _check_files(examples: Iterable[Example], table: Table) -> None:
    missing = [i for i, example in enumerate(examples) if not example.file.is_file()]
    if missing:
        row = table.rows[missing[0]]
        more = f" {len(missing)} of {len(table.rows)} rows name files that are missing." if len(missing) > 1 else ""
        raise DataError(
            f"{row.where}: the recording must be there. There is no file {table.folder / row.cells['file_name']}.{more}"
        )


def _check_contradictions(examples: Iterable[Example], table: Table) -> None:
    seen: dict[tuple[Path, float, float | None], int] = {}
    known = list(examples)
    for i, example in enumerate(known):
        first = seen.setdefault((example.file, example.start_s, example.end_s), i)
        if (known[first].label, known[first].target) != (example.label, example.target):
            before, after = (known[k].label if known[k].target is None else known[k].target for k in (first, i))
            raise DataError(
                f"{table.rows[i].where}: one sound has one answer. {example.file} is {after!r} here and {before!r} at "
                f"{table.rows[first].where}. Remove the wrong row."
            )


def _check_spellings(labels: Iterable[str], table: Table) -> None:
    spellings: dict[str, list[str]] = {}
    for label in sorted(set(labels)):
        spellings.setdefault("".join(label.split()).casefold(), []).append(label)
    alike = [" and ".join(map(repr, names)) for names in spellings.values() if len(names) > 1]
    if alike:
        more = f", and so on: {len(alike)} in all" if len(alike) > MAX_NAMED else ""
        raise DataError(
            f"{table.source}: are the labels {', or '.join(alike[:MAX_NAMED])}{more} one class? They differ only in "
            "spaces or case. Write them alike, or name them so that they can be told apart."
        )


def _check_recordings(examples: Iterable[Example], group: str | None, table: Table) -> None:
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
