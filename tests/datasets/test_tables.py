import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from auricle.datasets.tables import Table, read_csv, read_jsonl, read_parquet
from auricle.errors import DataError, UsageError


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(content: bytes, name: str = "t.csv") -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return save


def cells(table: Table) -> list[dict[str, str]]:
    return [dict(row.cells) for row in table.rows]


def test_csv(saved: Callable[..., Path]) -> None:
    table = read_csv(saved(b'\xef\xbb\xbffile_name,label\r\na.wav,"dog, big"\r\n\r\nb.wav,\r\n'))
    assert table.columns == ("file_name", "label")
    assert cells(table) == [{"file_name": "a.wav", "label": "dog, big"}, {"file_name": "b.wav", "label": ""}]
    assert table.rows[1].where.endswith("t.csv, line 4")


def test_jsonl_numbers_become_text_and_gaps_empty(saved: Callable[..., Path]) -> None:
    table = read_jsonl(saved(b'{"a": 1, "b": 2.5}\n\n{"a": true, "c": ["x"], "b": null}\n', "t.jsonl"))
    assert table.columns == ("a", "b", "c")
    assert cells(table) == [{"a": "1", "b": "2.5", "c": ""}, {"a": "true", "b": "", "c": '["x"]'}]
    assert table.rows[1].where.endswith("t.jsonl, line 3")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"t.csv: a table must begin with a row of column names. The file is empty"),
        (b"file_name,label\n", r"t.csv: a table must name at least one recording. It has no rows"),
        (b"a,b,a\n1,2,3\n", r"column names must differ. 'a' occurs twice"),
        (b"a,b\n1,2\n1,2,3\n", r"t.csv, line 3: a row must have as many cells as the header \(2\). Got 3"),
        (b"a,b\n1\n", r"line 2: .* Got 1. Cells are separated by commas"),
        (b"a,b\n\xe9,1\n", r"t.csv: a table must be UTF-8 text. Byte 0xe9 is not. Save it as UTF-8"),
        (b'a,b\n"1,2\n', r"not a readable CSV table: unexpected end of data"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", r"not a readable CSV table: field larger"),
    ],
)
def test_bad_csv_tables_are_refused(content: bytes, message: str, saved: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=message):
        read_csv(saved(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"t.jsonl: a table must name at least one recording"),
        (b'{"a": 1}\n{"a": \n', r"t.jsonl, line 2: every line must be a JSON object. Expecting value"),
        (b"[1, 2]\n", r"line 1: every line must be a JSON object. Got list"),
        (b'{"a": "\xe9"}\n', r"must be UTF-8 text. Byte 0xe9"),
    ],
)
def test_bad_jsonl_tables_are_refused(content: bytes, message: str, saved: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=message):
        read_jsonl(saved(content, "t.jsonl"))


def test_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.csv: the table cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")


def test_parquet_without_pyarrow_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"needs pyarrow: pip install 'auricle\[parquet\]'. Or save it as CSV"):
        read_parquet(Path("t.parquet"))


def test_parquet_values_become_text(tmp_path: Path) -> None:
    columns = {"file_name": ["a.wav", "b.wav"], "target": [1.5, 2.0], "n": [3, None]}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = read_parquet(tmp_path / "t.parquet")
    assert cells(table)[1] == {"file_name": "b.wav", "target": "2.0", "n": ""}
    assert table.rows[1].where.endswith("t.parquet, row 2")
    (tmp_path / "t.parquet").write_bytes(b"prose")
    with pytest.raises(DataError, match=r"not a readable Parquet table"):
        read_parquet(tmp_path / "t.parquet")
