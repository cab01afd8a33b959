"""Rows as they were read: missing values are empty, and a row that is there twice counts once."""

from pathlib import Path

import pytest

from auricle.datasets.tables.table import Row, Table, table_of
from auricle.errors import DataError


def table(*rows: dict[str, str]) -> Table:
    numbered = [Row(f"t.csv, line {number}", row) for number, row in enumerate(rows, 2)]
    return table_of(Path("t.csv"), Path(), dict.fromkeys(name for row in rows for name in row), numbered)


@pytest.mark.parametrize(
    "missing", ["", "NaN", "nan", "N/A", "n/a", "NA", "null", "NULL", "<NA>", "#N/A", " NaN ", "NaT"]
)
def test_what_programs_write_for_a_missing_value_is_empty(missing: str) -> None:
    assert table({"file_name": "a.wav", "label": missing}).rows[0].cells["label"].strip() == ""


@pytest.mark.parametrize("value", ["na", "none", "None", "-", "nano", "0", "nan.wav"])
def test_other_text_is_a_value(value: str) -> None:
    assert table({"file_name": "NaN", "label": value}).rows[0].cells == {"file_name": "NaN", "label": value}


def test_a_row_that_is_there_twice_counts_once_and_is_said() -> None:
    one, other = {"file_name": "a.wav", "label": "x"}, {"file_name": "a.wav", "label": "x", "site": "n"}
    found = table(one, other, one, one)
    assert [row.where for row in found.rows] == ["t.csv, line 2", "t.csv, line 3"]
    assert [str(omitted) for omitted in found.omitted] == [
        "2 rows left out: the same as a row before (t.csv, line 4; t.csv, line 5)."
    ]


def test_no_rows_and_equal_columns_are_refused() -> None:
    with pytest.raises(DataError, match="at least one recording"):
        table_of(Path("t.csv"), Path(), ["file_name"], [])
    with pytest.raises(DataError, match="'label' occurs twice"):
        table_of(Path("t.csv"), Path(), ["label", "label"], [Row("t.csv, line 2", {"label": "x"})])
