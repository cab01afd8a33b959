"""Columns that recorders fill: when, where and by what device a recording was made, where a table does not say."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from auricle.audio.recorders.facts import Facts
from auricle.audio.recorders.sources import RecorderFacts, read_facts
from auricle.datasets.tables.table import Row, Table
from auricle.datasets.times import made_at
from auricle.records import count_omitted
from auricle.runtime.compute import parallel_map

__all__ = ["RECORDER_COLUMNS", "cells_of", "with_recorder_columns"]

RECORDER_COLUMNS: Final = {
    "time": "made_at",
    "site": "site",
    "device": "device",
    "gain": "gain",
    "temperature_c": "temperature_c",
    "battery_v": "battery_v",
    "latitude": "latitude",
    "longitude": "longitude",
}
"""Columns and the facts that fill them."""

_TOLERANCE_S: Final = 2.0


def with_recorder_columns(table: Table, files: Iterable[Path]) -> Table:
    """Return a table with the columns of `RECORDER_COLUMNS` that it lacks and that some recording has.

    The table's own columns win; times of recorders that contradict them, or each other, are counted as omitted. A site
    that is only the class again is none.

    Parameters
    ----------
    table : Table
    files : iterable of Path
        Of its rows.
    """
    paths = list(files)
    unique = list(dict.fromkeys(paths))
    facts = dict(zip(unique, parallel_map(read_facts, unique), strict=True))
    cells = [
        {name: text for name, text in cells_of(facts[path].facts).items() if not _is_label(name, text, row)}
        for path, row in zip(paths, table.rows, strict=True)
    ]
    added = [name for name in RECORDER_COLUMNS if name not in table.columns and any(name in row for row in cells)]
    left_out = count_omitted(
        each
        for row, path in zip(table.rows, paths, strict=True)
        for each in _contradictions(row, path, facts[path], has_time="time" in table.columns)
    )
    if not added:
        return replace(table, omitted=(*table.omitted, *left_out))
    rows = tuple(
        Row(row.where, {**row.cells, **{name: found.get(name, "") for name in added}})
        for row, found in zip(table.rows, cells, strict=True)
    )
    return replace(table, columns=(*table.columns, *added), rows=rows, omitted=(*table.omitted, *left_out))


def cells_of(facts: Facts) -> dict[str, str]:
    """Return the facts that are known as text cells; a time without a zone is written without one."""
    found = {name: getattr(facts, field) for name, field in RECORDER_COLUMNS.items()}
    return {
        name: value.isoformat() if name == "time" else str(value) for name, value in found.items() if value is not None
    }


def _is_label(name: str, text: str, row: Row) -> bool:
    return name == "site" and text.casefold() == row.cells.get("label", "").strip().casefold()


def _contradictions(row: Row, path: Path, found: RecorderFacts, *, has_time: bool) -> Iterable[tuple[str, str, str]]:
    source = found.sources.get("made_at", "")
    for other in found.contradicted_by:
        yield "times", f"{other} contradicts {source}, which is believed", str(path)
    told = made_at(row.cells.get("time", "").strip() or None) if has_time else None
    if told is not None and told == told and found.facts.made_at is not None:
        recorded = made_at(found.facts.made_at.isoformat())
        has_zone = found.facts.made_at.tzinfo is not None
        if has_zone and abs((told - recorded).astype("timedelta64[us]").astype(float)) > _TOLERANCE_S * 1e6:
            yield "times", f"{source} contradicts the table's column, which is believed", row.where
