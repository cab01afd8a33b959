"""``auricle inspect``: tables, findings, verdict, report and errors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile


@pytest.fixture
def sounds(tmp_path: Path, rng: np.random.Generator) -> Path:
    for i in range(8):
        for label in "ab":
            (tmp_path / "sounds" / label).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "sounds" / label / f"{i}.wav", 0.1 * rng.standard_normal(8000), 8000)
    return tmp_path / "sounds"


def test_it_prints_tables_findings_and_a_verdict(auricle: Callable[..., Any], sounds: Path) -> None:
    ran = auricle("inspect", sounds)
    assert ran.code == 0
    assert "16 recordings, 16 groups by file; 8000 Hz (16)." in ran.out
    assert "noise floor" in ran.out
    assert "few recordings: Classes with fewer than 10 recordings" in ran.out
    assert ran.out.rstrip().endswith("Scores on this data may be misleading. Check: few recordings.")
    assert ran.err == ""


def test_json_is_one_object(auricle: Callable[..., Any], sounds: Path) -> None:
    summary = json.loads(auricle("inspect", sounds, "--json").out)
    assert summary["n_recordings"] == 16
    assert summary["duplicates"] == []


def test_the_report_is_written(auricle: Callable[..., Any], sounds: Path, tmp_path: Path) -> None:
    ran = auricle("inspect", sounds, "-o", tmp_path / "report.html")
    assert ran.code == 0
    assert "Wrote" in ran.err
    assert (tmp_path / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_unreadable_recordings_are_listed_and_exit_with_1(auricle: Callable[..., Any], sounds: Path) -> None:
    (sounds / "a" / "0.wav").write_bytes(b"not sound")
    ran = auricle("inspect", sounds)
    assert ran.code == 1
    assert "1 of 16 recordings cannot be read" in ran.out
    assert "a/0.wav" in ran.out


def test_an_unwritable_report_is_refused_first(auricle: Callable[..., Any], sounds: Path, tmp_path: Path) -> None:
    ran = auricle("inspect", sounds, "-o", tmp_path / "missing" / "report.html")
    assert ran.code == 2
    assert "folder must exist" in ran.sentence


def test_the_report_must_be_html(auricle: Callable[..., Any], sounds: Path, tmp_path: Path) -> None:
    assert "must end in .html or .htm" in auricle("inspect", sounds, "-o", tmp_path / "report.pdf").sentence


def test_labels_that_differ_by_case_are_asked_about(auricle: Callable[..., Any], sounds: Path) -> None:
    (sounds / "a").rename(sounds / "B")
    ran = auricle("inspect", sounds)
    assert ran.code == 2
    assert "labels must differ in more than spaces or case. 'B' and 'b' do not." in ran.sentence


def test_one_class_is_a_finding(auricle: Callable[..., Any], sounds: Path) -> None:
    for file in (sounds / "b").iterdir():
        file.unlink()
    (sounds / "b").rmdir()
    ran = auricle("inspect", sounds)
    assert ran.code == 0
    assert "there must be at least 2 classes" in ran.out


def test_markup_in_names_is_printed_literally(auricle: Callable[..., Any], sounds: Path) -> None:
    (sounds / "a").rename(sounds / "[bold]a")
    assert "[bold]a" in auricle("inspect", sounds).out
