import json
import logging

from auricle.serving.telemetry import JsonLines


def line(message: str, **extra: object) -> str:
    record = logging.LogRecord("auricle", logging.INFO, "", 0, message, (), None)
    vars(record).update(extra)
    return JsonLines().format(record)


def test_a_log_line_is_one_json_object() -> None:
    parsed = json.loads(line("request", path="/v1\n/\x1b[31m\u2028", status=201))
    assert (parsed["message"], parsed["status"], parsed["path"]) == ("request", 201, "/v1\n/\x1b[31m\u2028")


def test_log_lines_hold_no_control_characters() -> None:
    assert all(32 <= ord(character) < 127 for character in line("a\nb\x00\x1b\x7f\u2028\ud800", more="\r\n"))


def test_log_lines_hold_no_keys() -> None:
    token = "aud_abcdefgh_" + "Sx-_4" * 8 + "abc"
    parsed = line(f"Bearer {token} came", header=token, nested={"x": [token]})
    assert "Sx-_4" not in parsed
    assert parsed.count("aud_abcdefgh_...") == 3


def test_log_lines_hold_exceptions() -> None:
    try:
        raise ValueError("of some kind")
    except ValueError as error:
        record = logging.LogRecord("auricle", logging.ERROR, "", 0, "failed", (), (ValueError, error, None))
    assert "ValueError: of some kind" in json.loads(JsonLines().format(record))["exception"]
