"""Every command has help, an example that parses, and a JSON form; exit codes and pipes as a process."""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import auricle as package
from auricle.cli.app import app, load_command
from auricle.cli.commands import COMMANDS

ENTRY = [sys.executable, "-m", "auricle"]


def command_of(name: str) -> Any:
    """Return a command by its words."""
    command: Any = typer.main.get_command(app)
    for word in name.split():
        command = command.commands[word]
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    ran = CliRunner().invoke(app, [*name.split(), "--help"], terminal_width=200)
    assert ran.exit_code == 0
    assert "Example: " in ran.output
    assert re.search(rf"auricle\s+{name}(\s|`)", ran.output)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_parses(name: str) -> None:
    command = command_of(name)
    (example,) = re.findall(r"^ *Example: `(.*)`$", load_command(name).__doc__ or "", re.MULTILINE)
    words, path = shlex.split(example.rpartition(" | ")[2]), ["auricle", *name.split()]
    assert words[: len(path)] == path
    command.make_context(name, words[len(path) :])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    for parameter in command_of(name).params:
        assert parameter.help, f"{name}: {parameter.name}"
        assert parameter.help.endswith("."), f"{name}: {parameter.name}"


def test_help_lists_every_command() -> None:
    ran = CliRunner().invoke(app, ["--help"])
    assert ran.exit_code == 0
    assert all(re.search(rf"\b{name.split()[0]}\b", ran.output) for name in COMMANDS)


def test_without_a_command_help_is_shown(auricle) -> None:
    ran = auricle()
    assert "Usage: " in ran.out + ran.err
    assert ran.code == 2


def test_version(auricle) -> None:
    ran = auricle("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"auricle {package.__version__}\n", "")


class TestAsAProcess:
    """Exit codes, pipes and imports of a command in its own process."""

    def run(self, *arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environment = os.environ | {"COLUMNS": "120"}
        return subprocess.run([*ENTRY, *map(str, arguments)], input=stdin, capture_output=True, env=environment)

    def test_an_error_is_one_line_and_exit_2(self, tmp_path: Path) -> None:
        done = self.run("predict", tmp_path / "no.auricle", tmp_path / "no.wav")
        assert (done.returncode, done.stdout) == (2, b"")
        sentence = f"auricle: {tmp_path}/no.auricle: the bundle must be a readable file. No such file or directory.\n"
        assert done.stderr.decode() == sentence

    def test_failed_files_exit_with_1(self, states_file: Path, machine_sounds: Path, tmp_path: Path) -> None:
        done = self.run("predict", states_file, machine_sounds.parent / "clips", tmp_path / "no.wav")
        assert done.returncode == 1
        assert len(done.stdout.splitlines()) == 25
        assert done.stderr == b"1 of 25 files failed; each has a line with its error.\n"

    def test_raw_samples_come_through_a_pipe(self, states_file: Path, machine_sounds: Path) -> None:
        raw = (machine_sounds.parent / "clips" / "0001.wav").read_bytes()[44:]
        done = self.run("stream", states_file, "-", "--rate-hz", 8000, stdin=raw)
        assert (done.returncode, done.stderr) == (0, b"")
        predictions = [json.loads(line) for line in done.stdout.splitlines()]
        assert [row["end_s"] for row in predictions] == [0.2, pytest.approx(0.4, abs=0.01), 0.5]


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"stream"}))  # a stream is JSON lines already
def test_every_command_can_print_one_json_object(command: str) -> None:
    assert "as_json" in inspect.signature(load_command(command)).parameters


def test_commands_that_write_files_describe_them_in_json(auricle, states_file, machine_sounds, out) -> None:
    sounds = machine_sounds.parent
    clip = min((sounds / "clips").iterdir())
    for arguments, keys in (
        (("plot", clip, "-o", out / "x.png"), {"rate_hz", "start_s", "end_s", "output"}),
        (
            ("features", sounds, "--label", "label", "-o", out / "x.csv"),
            {"n_recordings", "n_rows", "columns", "output"},
        ),
        (("predict", states_file, clip, "-o", out / "x.jsonl"), {"n_files", "n_failed", "model", "output"}),
    ):
        ran = auricle(*arguments, "--json")
        assert ran.code == 0
        assert json.loads(ran.out).keys() >= keys


def test_predict_on_stdout_refuses_json(auricle, states_file, machine_sounds) -> None:
    clip = min((machine_sounds.parent / "clips").iterdir())
    ran = auricle("predict", states_file, clip, "--json")
    assert ran.code == 2
    assert "must be given with -o" in ran.err


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(130)])
def test_ctrl_c_is_one_line_and_130(interrupt: BaseException, auricle, monkeypatch: pytest.MonkeyPatch) -> None:
    def app() -> None:
        raise interrupt

    monkeypatch.setattr("auricle.cli.app.app", app)
    ran = auricle("doctor")
    assert (ran.code, ran.out, ran.err) == (130, "", "auricle: interrupted. Files are whole or absent.\n")
