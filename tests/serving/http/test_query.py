"""What a client asks and says of a sound: flat metadata of bounded size that every database can hold."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from auricle.errors import UsageError
from auricle.prediction.events import EventRules
from auricle.prediction.request import PredictionRequest
from auricle.serving.http.query import RequestQuery, parse_metadata, sanitize_name


def test_metadata_keep_their_kinds() -> None:
    text = '{"site": "north\\n\\tpole", "depth": 3, "load": -0.5, "wet": true, "who": null}'
    found = parse_metadata(text)
    assert found == {"site": "north\n\tpole", "depth": 3.0, "load": -0.5, "wet": True, "who": None}
    assert [type(found[name]) for name in ("depth", "wet")] == [float, bool]
    assert parse_metadata(None) == parse_metadata("{}") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1]", "must be a JSON object"),
        ("{", "must be a JSON object"),
        ("[" * 10_000, "must be a JSON object"),
        ('{"a": ' + "9" * 5_000 + "}", "must be a JSON object"),
        (json.dumps(dict.fromkeys(map(str, range(33)))), "at most 32 values"),
        ('{"a": "' + "x" * 16_384 + '"}', "at most 16384 characters"),
        ('{"a": "' + "x" * 1_001 + '"}', "at most 1000 characters"),
        ('{"' + "x" * 65 + '": 1}', "at most 64 characters"),
        ('{"a": [1]}', "`a` is none of them"),
        ('{"a": {}}', "`a` is none of them"),
        ('{"a": 1e999}', "`a` is none of them"),
        ('{"a": NaN}', "`a` is none of them"),
        ('{"a": ' + "9" * 400 + "}", "`a` is none of them"),
        ('{"a": "\\u0000"}', "printable"),
        ('{"a": "\\ud800"}', "printable"),
        ('{"\\ud800": 1}', "printable"),
    ],
)
def test_other_metadata_are_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        parse_metadata(text)
    assert len(str(refused.value)) < 300


def test_metadata_at_the_limits_are_taken() -> None:
    metadata = {"x" * 64: "y" * 1_000} | {str(i): 0.0 for i in range(31)}
    assert parse_metadata(json.dumps(metadata)) == metadata


@given(st.dictionaries(st.text(st.characters(exclude_categories=[])), st.text(st.characters(exclude_categories=[]))))
def test_no_text_is_taken_that_a_database_would_refuse(metadata: dict[str, str]) -> None:
    try:
        found = parse_metadata(json.dumps(metadata))
    except UsageError:
        return
    assert found == metadata
    assert b"\0" not in json.dumps(found, ensure_ascii=False).encode()


@given(st.text(st.characters(exclude_categories=[]), max_size=300))
def test_a_name_is_printable_and_short(name: str) -> None:
    found = sanitize_name(name)
    assert found.isprintable()
    assert len(found) <= 255
    assert sanitize_name(found) == found
    assert name[:255] == found or not name.isprintable() or len(name) > 255


def test_a_query_is_a_request() -> None:
    assert RequestQuery().request == PredictionRequest()
    query = RequestQuery.model_validate({"windows": "true", "events": "1", "hop_s": "0.5"})
    assert query.request == PredictionRequest(windows=True, events=EventRules(), hop_s=0.5)


@pytest.mark.parametrize(
    "query", [{"hop_s": 0}, {"hop_s": math.nan}, {"hop_s": math.inf}, {"path": "/etc"}, {"source": "x" * 256}]
)
def test_other_queries_are_refused(query: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RequestQuery.model_validate(query)
