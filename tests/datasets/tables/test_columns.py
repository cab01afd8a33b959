"""Columns that look like one that is read are asked about; every other is metadata."""

from pathlib import Path

import pytest

from auricle.datasets.tables.columns import COLUMNS, check_names, suggestion
from auricle.datasets.tables.table import Row, Table
from auricle.errors import DataError


def table(*columns: str) -> Table:
    return Table(Path("t.csv"), Path(), columns, (Row("t.csv, line 2", dict.fromkeys(columns, "")),))


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("start", "start_s"),
        ("Start (s)", "start_s"),
        ("begin_time", "start_s"),
        ("strat_s", "start_s"),
        ("onset", "start_s"),
        ("end", "end_s"),
        ("offset", "end_s"),
        ("End_S", "end_s"),
        ("Fold", "fold"),
        ("Time", "time"),
        ("GROUP", "group"),
    ],
)
def test_a_column_that_looks_like_a_missing_one_is_asked_about(column: str, meant: str) -> None:
    with pytest.raises(DataError, match=rf"Did you mean '{meant}' \(.*\) by '"):
        check_names(table("file_name", "label", column), [])


@pytest.mark.parametrize("column", ["site", "fold1", "date", "device", "folder", "class", "starting_site", "ending"])
def test_metadata_is_not_asked_about(column: str) -> None:
    check_names(table("file_name", "label", column), [])


def test_a_column_beside_the_one_that_it_looks_like_is_metadata() -> None:
    check_names(table("file_name", "label", "start_s", "start"), [])
    check_names(table("file_name", "start"), ["start"])  # an option names it
    check_names(table(*COLUMNS), [])


def test_the_column_that_may_be_meant_is_suggested() -> None:
    assert suggestion(table("path", "label"), "file_name") == " Did you mean 'path'?"
    assert suggestion(table("flie_name", "label"), "file_name") == " Did you mean 'flie_name'?"
    assert suggestion(table("file_name", "species"), "label") == " Did you mean 'species'?"
    assert suggestion(table("file_name", "site"), "label") == ""
