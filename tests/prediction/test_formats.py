import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import fields

import pytest

from auricle.errors import AudioError, UsageError
from auricle.prediction.formats import FORMATS, check_format, lines
from auricle.records import Prediction, Quality

QUALITY = Quality(**{field.name: 0.0 for field in fields(Quality)} | {"level_db": -20.0, "bandwidth_hz": 4000.0})
CLASSES = ("good", 'b,a"d')
ODD_NAMES = [
    "plain.wav",
    "with, comma.wav",
    'with "quotes".wav',
    "new\nline.wav",
    "return\r.wav",
    "=1+1.wav",
    "ünï.wav",
]


def rows(name: str, *, number: bool = False) -> list[dict[str, object]]:
    if number:
        prediction = Prediction("recording", 0.0, 1.0, "m@1", value=1234.5, quality=QUALITY)
    else:
        probabilities = dict(zip(CLASSES, (0.25, 0.75), strict=True))
        prediction = Prediction(
            "recording",
            0.0,
            1.0,
            "m@1",
            label=CLASSES[1],
            probabilities=probabilities,
            confidence=0.75,
            quality=QUALITY,
        )
    return [
        {"file": name, **prediction.as_json()},
        {"file": name, "error": AudioError(f'{name}: "not" sound, at all').as_json()},
    ]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_json_lines_are_strict_and_complete(name: str) -> None:
    written = list(lines(rows(name), format_name="jsonl", classes=CLASSES))
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in written)
    assert [json.loads(line, parse_constant=pytest.fail) for line in written] == rows(name)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        list(lines([{"value": value}], format_name="jsonl"))


@pytest.mark.parametrize("name", ODD_NAMES)
def test_csv_of_a_classifier(name: str) -> None:
    text = "".join(lines(rows(name), format_name="csv", classes=CLASSES))
    good, bad = csv.DictReader(io.StringIO(text, newline=""))
    expected = {"file": name, "level": "recording", "start_s": "0.0", "end_s": "1.0", "label": 'b,a"d', "model": "m@1"}
    expected |= {"confidence": "0.75", "p_good": "0.25", 'p_b,a"d': "0.75", "error": ""}
    assert good | expected == good
    assert bad == dict.fromkeys(good, "") | {"file": name, "error": f'audio: {name}: "not" sound, at all'}


def test_csv_of_a_regressor() -> None:
    text = "".join(lines(rows("a.wav", number=True), format_name="csv"))
    good, bad = csv.DictReader(io.StringIO(text))
    assert good.keys() >= {"file", "level", "start_s", "end_s", "value", "model", "error"}
    assert good.keys().isdisjoint({"label", "confidence"})
    assert (good["value"], bad["value"]) == ("1234.5", "")


@pytest.mark.parametrize("format_name", ["jsonl", "csv", "raven"])
def test_a_name_that_is_not_utf8_is_escaped(format_name: str) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    content = "".join(lines(rows(name), format_name=format_name, classes=CLASSES)).encode()
    assert b"caf\\udce9.wav" in content
    if format_name == "jsonl":
        assert os.fsencode(json.loads(content.splitlines()[0])["file"]) == b"caf\xe9.wav"


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_line_is_yielded_as_soon_as_its_row_arrives(format_name: str, endless: Callable[[], object]) -> None:
    written = lines(endless(), format_name=format_name, classes=CLASSES)
    assert len([next(written) for _ in range(5)]) == 5


@pytest.fixture
def endless() -> Callable[[], object]:
    def make() -> object:
        while True:
            yield rows("a.wav")[0]

    return make


def test_csv_without_rows_has_a_header() -> None:
    assert list(lines([], format_name="jsonl", classes=CLASSES)) == []
    (header,) = lines([], format_name="csv")
    assert header.startswith("file,level,start_s,end_s,value,")
    assert header.endswith(",model,error\n")


def test_an_unknown_format_is_refused() -> None:
    for refused in (check_format, lambda format_name: lines([], format_name=format_name)):
        with pytest.raises(UsageError, match=r"`format` must be among jsonl, csv, audacity, raven\. Got 'xml'"):
            refused("xml")
