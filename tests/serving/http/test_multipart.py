"""Parameters of headers, and forms, in whatever pieces they come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import RequestError
from auricle.serving.http.multipart import FormParser, parse_parameters

FORM = (
    b'--edge\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"site": "north"}\r\n'
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a \\"b\\".wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\nRIFF\r\n--edg\r\n--edge--\r\n"
)


@pytest.mark.parametrize(
    ("header", "value", "parameters"),
    [
        ("", "", {}),
        ("Audio/WAV", "audio/wav", {}),
        ("multipart/form-data; boundary=edge", "multipart/form-data", {"boundary": "edge"}),
        ('a; boundary="x;\\"y\\\\"; b=1', "a", {"boundary": 'x;"y\\', "b": "1"}),
        ("a;boundary=one;boundary=two", "a", {"boundary": "one"}),
        ("a; boundary*=idna''%ff", "a", {"boundary*": "idna''%ff"}),
        (";;;=;boundary", "", {}),
        ('a; boundary="edge', "a", {"boundary": '"edge'}),
    ],
)
def test_parameters_of_a_header(header: str, value: str, parameters: dict[str, str]) -> None:
    assert parse_parameters(header) == (value, parameters)


@given(st.text())
def test_any_text_has_a_value(header: str) -> None:
    value, _ = parse_parameters(header)
    assert value == header.partition(";")[0].strip().lower()


@given(st.lists(st.integers(0, len(FORM)), max_size=8))
def test_pieces_of_any_size_give_the_same_form(cuts: list[int]) -> None:
    content = bytearray()
    form = FormParser(b"edge", content.extend)
    bounds = [0, *sorted(cuts), len(FORM)]
    for start, end in pairwise(bounds):
        form.push(FORM[start:end])
    form.end()
    assert (bytes(content), form.source, form.metadata) == (b"RIFF\r\n--edg", 'a "b".wav', '{"site": "north"}')


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (FORM.replace(b'name="file"', b'name="other"'), "parts must be `file` and `metadata`"),
        (FORM.replace(b'name="metadata"', b'name="file"'), "must have one part `file`"),
        (FORM[: FORM.index(b"--edge", 1)] + b"--edge--\r\n", "must have a part named `file`"),
        (FORM[:-10], "ends before its last boundary"),
        (FORM[:80] + b"--edge--\r\n", "ends before its last boundary"),
        (FORM.replace(b'{"site": "north"}', b"x" * 40_000), "must have at most 32768 bytes"),
    ],
)
def test_other_forms_are_refused(content: bytes, says: str) -> None:
    def parse() -> None:
        form = FormParser(b"edge", lambda _: None)
        form.push(content)
        form.end()

    with pytest.raises(RequestError, match=says):
        parse()


def test_metadata_of_a_form_is_limited() -> None:
    form = FormParser(b"edge", bytearray().extend)
    form.push(b'--edge\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n')
    form.push(bytes(32_000))
    with pytest.raises(RequestError, match="at most 32768 bytes"):
        form.push(bytes(1000))
