import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from auricle.datasets.dataset import Dataset
from auricle.datasets.readers import read_table
from auricle.datasets.tables.frames import read_parquet
from auricle.datasets.tables.table import Table
from auricle.datasets.tables.text import read_csv, read_jsonl
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


@pytest.mark.parametrize(
    "content",
    [
        b"file_name;label\na.wav;dog\n",
        b"file_name\tlabel\na.wav\tdog\n",
        b"file_name|label\na.wav|dog\n",
        b"sep=;\r\nfile_name;label\r\na.wav;dog\r\n",
        b"file_name,label,\na.wav,dog,\n",
        b"file_name,label,,\na.wav,dog,,\n,,,\n",
        b"file_name,label\na.wav,dog,,\n",
        "\ufefffile_name,label\na.wav,dog\n".encode("utf-16-le"),
        "file_name,label\na.wav,dog\n".encode("utf-16"),
        b" file_name , label\na.wav,dog\n",
    ],
)
def test_spreadsheets_and_other_separators(content: bytes, saved: Callable[..., Path]) -> None:
    assert cells(read_csv(saved(content))) == [{"file_name": "a.wav", "label": "dog"}]


def test_comments_are_left_out_and_counted(saved: Callable[..., Path]) -> None:
    table = read_csv(saved(b"# made by R\n#\nfile_name,label\na.wav,dog\n# the rest is missing\n#b.wav,cat\n"))
    assert cells(table) == [{"file_name": "a.wav", "label": "dog"}, {"file_name": "#b.wav", "label": "cat"}]
    assert [(omitted.what, omitted.reason, omitted.count) for omitted in table.omitted] == [("lines", "comments", 3)]
    assert table.omitted[0].examples[2].endswith("t.csv, line 5")
    assert table.rows[1].where.endswith("t.csv, line 6")


def test_a_cell_under_no_name_is_refused(saved: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"t\.csv, line 3: every column must have a name\. The cell 'x' stands under"):
        read_csv(saved(b"file_name,label,\na.wav,dog,\nb.wav,cat,x\n"))


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_a_workbook_is_explained(name: str, saved: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="This is a workbook: save its sheet as CSV"):
        read_table(saved(b"PK\x03\x04 and so on", name))


def test_a_json_list_is_a_table(saved: Callable[..., Path]) -> None:
    content = json.dumps([{"file_name": "a.wav", "label": "dog"}, {"file_name": "b.wav", "n": 3}]).encode()
    assert cells(read_table(saved(content, "t.json"))) == [
        {"file_name": "a.wav", "label": "dog", "n": ""},
        {"file_name": "b.wav", "label": "", "n": "3"},
    ]
    refused = (
        (b"{}", "a JSON list of objects. Got dict"),
        (b"[3]", "object 1: every row must be"),
        (b"[", "t.json: a table must be"),
    )
    for wrong, message in refused:
        with pytest.raises(DataError, match=message):
            read_table(saved(wrong, "t.json"))


MAX_EXAMPLES = int(os.environ.get("AURICLE_FUZZ", "600")) // 6
CELL = st.text(st.sampled_from("ab .-#="), min_size=1, max_size=4).filter(str.strip)


@settings(max_examples=MAX_EXAMPLES)
@given(st.text(st.sampled_from('ab,;|\t"\n\r#=.s '), max_size=60).map(str.encode) | st.binary(max_size=60))
def test_any_bytes_are_a_table_or_refused_by_name(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        for form, head in (("csv", b""), ("csv", b"file_name,label\n"), ("json", b"["), ("jsonl", b'{"a": 1}\n')):
            path = Path(folder, f"t.{form}")
            path.write_bytes(head + content)
            with suppress(DataError):
                assert read_table(path).rows


@settings(max_examples=MAX_EXAMPLES)
@given(
    st.lists(st.tuples(CELL, CELL) | st.just(()) | st.tuples(st.just("#"), CELL, CELL), min_size=1, max_size=12),
    st.sampled_from(",;\t"),
)
def test_every_line_is_a_row_or_left_out_by_name(lines: list[tuple[str, ...]], separator: str) -> None:
    lines = [("a", "b"), *lines]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text("\n".join(map(separator.join, [("file_name", "label"), *lines])))
        table = read_csv(path)
    assert len(table.rows) + sum(omitted.count for omitted in table.omitted) == sum(map(bool, lines))


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("start_alias", "Did you mean 'start_s'"),
        ("nanlab", r"nanlab\.csv, line 2: 'label' must not be empty. .* [0-9]+ of 24 rows have none"),
        ("dup", 1),
        ("trailing_comma", 0),
        ("commented", 1),
        ("win", 0),
    ],
)
def test_tables_that_people_brought(name: str, expected: str | int, cases_dir: Path) -> None:
    path = cases_dir / "tables" / f"{name}.csv"
    if isinstance(expected, str):
        with pytest.raises(DataError, match=expected):
            Dataset.load(path)
        return
    data = Dataset.load(path)
    assert len(data) == 24
    assert sum(omitted.count for omitted in data.omitted) == expected
