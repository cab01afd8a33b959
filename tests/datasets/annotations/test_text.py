import codecs
from pathlib import Path

import pytest

from auricle.datasets.annotations.text import UNNAMED, columns_of, decode, lines_of, number, read_cells, seconds
from auricle.errors import DataError

TEXT = "0.5\t1.0\tGrünspecht, Pic épeiche\n"


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("latin-1"),
        TEXT.encode("cp1252"),
    ],
)
def test_encodings(raw: bytes) -> None:
    assert decode(raw) == TEXT


def test_encodings_at_the_edges() -> None:
    assert decode(b"") == ""
    assert decode(b"a\x81b") == "a\x81b"  # not in Windows' code page
    assert decode("“dog”".encode("cp1252")) == "“dog”"
    assert decode("dogü".encode()[:-1], is_whole=False) == "dog"
    with pytest.raises(DataError, match=r"Text in UTF-16 must be whole\. From byte \d+ on"):
        decode(TEXT.encode("utf-16")[:-1])


def test_lines_end_as_in_an_editor() -> None:
    assert lines_of("a\r\nb\rc\n\x0bd\u2028e") == ["a", "b", "c", "\x0bd\u2028e"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0,5", "0.5"),
        (" 1.25 ", "1.25"),
        ("-1e-3", "-1e-3"),
        (".5", ".5"),
        ("3.", "3."),
        ("1,234.5", None),
        ("1e999", None),
        ("nan", None),
        ("1_0", None),
        ("", None),
        ("٣", None),
    ],
)
def test_numbers(text: str, value: str | None) -> None:
    assert number(text) == value


def test_seconds_name_their_line() -> None:
    assert seconds("1,5", "End", "a.csv, line 2") == "1.5"
    with pytest.raises(DataError, match=r"a\.csv, line 2: 'End' must be a number of seconds\. Got 'noon'"):
        seconds("noon", "End", "a.csv, line 2")


@pytest.mark.parametrize("separator", ["\t", ";", ","])
def test_cells_left_out_at_the_end_are_empty(separator: str) -> None:
    text = "Start,End,Label,Note\r\n1,2,dog\r\n\r\n,,,\r\n3,4,cat,far,,\r\n".replace(",", separator)
    table = read_cells(Path("t.txt"), text)
    assert table.columns == {"start": "Start", "end": "End", "label": "Label", "note": "Note"}
    assert table.rows == [
        ("t.txt, line 2", {"Start": "1", "End": "2", "Label": "dog", "Note": ""}),
        ("t.txt, line 5", {"Start": "3", "End": "4", "Label": "cat", "Note": "far"}),
    ]


def test_a_first_column_without_a_name_has_one_of_its_own() -> None:
    assert read_cells(Path("t"), ",a\n0,x\n").rows == [("t, line 2", {UNNAMED: "0", "a": "x"})]


def test_quotes_hold_separators_between_commas_and_are_text_between_tabs() -> None:
    assert read_cells(Path("t"), 'a,b\n"x, ""y""\nz",2\n3,4\n').rows == [
        ("t, line 2", {"a": 'x, "y"\nz', "b": "2"}),
        ("t, line 4", {"a": "3", "b": "4"}),
    ]
    assert read_cells(Path("t"), 'a\tb\n"x\t"y"\n').rows == [("t, line 2", {"a": '"x', "b": '"y"'})]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,A\n1,2\n", "t, line 1: column names must differ in more than case. 'a' occurs twice"),
        ("a,b\n1,2,3\n", "t, line 2: every cell must have a column. '3' has none: the table has 2 columns"),
        ("a,,b\n1,2,3\n", "t, line 2: every cell must have a column. '2' has none"),
        ('a,b\n1,2\n3,"4\n', "t, line 3: the cells cannot be separated: .* Quotes must stand around whole cells"),
    ],
)
def test_tables_that_would_lose_cells_are_refused(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_cells(Path("t"), text)


def test_columns_are_found_by_small_letters() -> None:
    assert columns_of(["", '"IN FILE",OFFSET,MANUAL ID*']) == {
        "in file": "IN FILE",
        "offset": "OFFSET",
        "manual id": "MANUAL ID*",
    }
    assert columns_of([]) == {}
