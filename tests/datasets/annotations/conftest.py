"""Folders of tiny recordings beside annotations, and the cells of the table that they are read as."""

from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.datasets.readers import read_table
from auricle.datasets.tables.table import Table


@pytest.fixture
def place(tmp_path: Path) -> Callable[[dict[str, str | bytes]], Path]:
    """Make a folder of files by their content; sound is not opened by readers."""

    def make(contents: dict[str, str | bytes]) -> Path:
        for name, content in contents.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return make


@pytest.fixture
def read(place: Callable[[dict[str, str | bytes]], Path]) -> Callable[[dict[str, str | bytes]], Table]:
    """Make a folder and read it."""
    return lambda contents: read_table(place(contents))


@pytest.fixture
def spans() -> Callable[[Table], list[tuple[str, float, float, str]]]:
    """Return the recording, start, end and label of each row."""

    def of(table: Table) -> list[tuple[str, float, float, str]]:
        return [
            (row.cells["file_name"], float(row.cells["start_s"]), float(row.cells["end_s"]), row.cells["label"])
            for row in table.rows
        ]

    return of


@pytest.fixture
def left_out() -> Callable[[Table], dict[str, int]]:
    """Return how many were left out, by reason."""
    return lambda table: {one.reason: one.count for one in table.omitted}
