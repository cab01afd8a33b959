import json
import logging

from auricle.serving.telemetry import JsonLines


def line(message: str, **extra: object) -> str:
    record = logging.LogRecord("auricle", logging.INFO, "", 0, message, (), None)
    vars(record).update(extra)
    return JsonLines().format(record)


def test_a_line_is_one_object() -> None:
    told = json.loads(line("request", path="/v1\n/\x1b[31m\u2028", status=201))
    assert (told["message"], told["status"], told["path"]) == ("request", 201, "/v1\n/\x1b[31m\u2028")


def test_no_control_characters() -> None:
    assert all(32 <= ord(character) < 127 for character in line("a\nb\x00\x1b\x7f\u2028\ud800", more="\r\n"))


def test_no_keys() -> None:
    token = "aud_abcdefgh_" + "Sx-_4" * 8 + "abc"
    told = line(f"Bearer {token} came", header=token, nested={"x": [token]})
    assert "Sx-_4" not in told
    assert told.count("aud_abcdefgh_...") == 3


def test_exceptions() -> None:
    try:
        raise ValueError("of some kind")
    except ValueError as error:
        record = logging.LogRecord("auricle", logging.ERROR, "", 0, "failed", (), (ValueError, error, None))
    assert "ValueError: of some kind" in json.loads(JsonLines().format(record))["exception"]
