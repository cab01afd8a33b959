"""Sizes and durations are parsed strictly, and a table may lie in another folder than its recordings."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.main import get_command

from auricle.cli.app import app
from auricle.cli.options import duration_s, size_bytes, span_s
from auricle.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("123", 123), ("10GB", 10**10), ("1.5 kb", 1500), (" 2TB ", 2 * 10**12), ("3MB", 3e6)]
)
def test_sizes(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "ten", "10 XB", "10GBB", "-1GB", "nan", "inf", "1_0"])
def test_bad_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"A size must be a number with KB, MB, GB or TB, such as 10GB\. Got "):
        size_bytes(text)


@pytest.mark.parametrize(("text", "seconds"), [("none", None), ("90", 90), ("5m", 300), ("1.5 H", 5400), ("30s", 30)])
def test_durations(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "five", "5w", "-1m", "0", "0s", "nan", "inf"])
def test_bad_durations_are_refused(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"A duration must be none, or a number above 0 with s, m, h or d, such as 5m\. Got "
    ):
        duration_s(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 90 * 86_400), ("1.5 H", 5400), ("2w", 14 * 86_400), ("30s", 30), ("5m", 300)]
)
def test_durations_with_a_unit(text: str, seconds: float) -> None:
    assert span_s(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "five", "5", "none", "-1d", "0d", "nan", "inf", "5y"])
def test_bad_durations_with_a_unit_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"must be a number above 0 with s, m, h, d or w, such as 90d\. Got "):
        span_s(text)


@pytest.fixture
def table(tmp_path: Path) -> tuple[Path, Path]:
    """A table of four recordings, and their folder, which is another one."""
    sounds, rng = tmp_path / "sounds", np.random.default_rng(0)
    sounds.mkdir()
    for name in "abcd":
        soundfile.write(sounds / f"{name}.wav", 0.1 * rng.standard_normal(4000), 8000)
    (tmp_path / "tables").mkdir()
    table = tmp_path / "tables" / "labels.csv"
    table.write_text("file_name,label\n" + "".join(f"{name}.wav,{name}\n" for name in "abcd"))
    return table, sounds


def test_a_table_may_be_outside_the_folder_of_its_recordings(auricle, table: tuple[Path, Path], tmp_path: Path) -> None:
    labels, sounds = table
    assert "labels.csv, line 2: the recording must be there" in auricle("inspect", labels).sentence
    assert json.loads(auricle("inspect", labels, "--root", sounds, "--json").out)["n_recordings"] == 4
    found = auricle("features", labels, "--root", sounds, "-o", tmp_path / "rows.csv", "--json")
    assert json.loads(found.out)["n_recordings"] == 4
    assert str(sounds / "a.wav") in (tmp_path / "rows.csv").read_text()


@pytest.mark.parametrize("command", ["train", "inspect", "features", "evaluate", "monitor"])
def test_a_root_must_be_a_folder(auricle, command: str, table: tuple[Path, Path], states_file: Path, out: Path) -> None:
    model = [states_file] if command in ("evaluate", "monitor") else []
    output = ["-o", out / "made.csv"] if command in ("train", "features") else []
    ran = auricle(command, *model, table[0], "--root", table[1] / "nowhere", *output)
    assert (ran.code, "`root` must be a folder. There is no folder" in ran.sentence) == (2, True)


def test_every_command_that_reads_a_table_takes_its_root() -> None:
    commands = get_command(app).commands
    options = {name: {word for one in command.params for word in one.opts} for name, command in commands.items()}
    assert {name for name, words in options.items() if "--group" in words} == {
        name for name, words in options.items() if "--root" in words
    }
