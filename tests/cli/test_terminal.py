"""Output of commands: progress bars, strict JSON, one-line errors and tables."""

import json
import os

import pytest
from rich.console import Console

from auricle.cli import terminal
from auricle.cli.terminal import Bars, fail, print_json, print_table
from auricle.errors import DataError


def test_quick_work_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        for done in range(1, 4):
            bars("features", done, 3)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("is_terminal", "is_hidden"), [(True, False), (True, True), (False, False)])
def test_longer_work_has_a_bar_on_a_terminal(
    is_terminal: bool,  # noqa: FBT001
    is_hidden: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminal, "SHOWN_AFTER_S", -1.0)
    monkeypatch.setattr(terminal.err, "console", Console(stderr=True, force_terminal=is_terminal, width=100))
    with Bars(hidden=is_hidden) as bars:
        bars("features", 1, 3)
        bars("features", 3, 3)
        bars("models", 1, 7)
    shown = capsys.readouterr()
    assert shown.out == ""
    if is_terminal and not is_hidden:
        assert all(text in shown.err for text in ("features", "3/3", "models", "1/7"))
    else:
        assert shown.err == ""


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "ünï [red]x[/red]", "none": None, "file": os.fsdecode(b"caf\xe9.wav")}
    print_json(value)
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == value


def test_a_failure_is_one_line_of_any_text(capsys: pytest.CaptureFixture[str]) -> None:
    message = "/a/[bold]b[/bold]/:smile:.wav: " + "a very long sentence " * 20 + "end."
    with pytest.raises(SystemExit) as end:
        fail(DataError(message))
    assert end.value.code == 2
    assert capsys.readouterr() == ("", f"auricle: {message}\n")
    with pytest.raises(SystemExit):
        fail(DataError(message), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"error": {"kind": "data", "message": message}}


def test_a_piped_table_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "what"), [("x" * 150, "[red]"), ("y", "z")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["name", "what"], ["x" * 150, "[red]"], ["y", "z"]]
