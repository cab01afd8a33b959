"""``auricle evaluate``: verdict, scores, report and errors."""

import json
import re
from pathlib import Path

import pytest

from auricle.datasets.synthesis import machines


@pytest.fixture(scope="module")
def new_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    return machines(folder, n=16, seed=9, rate_hz=8000, duration_s=0.5, n_machines=2, n_microphones=2)


def test_the_verdict_is_printed_first(auricle, states_file: Path, new_sounds: Path) -> None:
    ran = auricle("evaluate", states_file, new_sounds, "--label", "label", "--group", "machine")
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"etter than guessing[^:]*: balanced accuracy", ran.out.splitlines()[0])
    assert "balanced_accuracy" in ran.out
    assert "Performance by class, the worst first" in ran.out


def test_training_recordings_are_warned_of_first(auricle, states_file: Path, machine_sounds: Path) -> None:
    ran = auricle("evaluate", states_file, machine_sounds, "--label", "label")
    assert ran.out.startswith(
        "All 24 recordings were in the training set: the score does not hold for new recordings. "
    )


def test_json_is_one_object(auricle, states_file: Path, new_sounds: Path) -> None:
    ran = auricle("evaluate", states_file, new_sounds, "--label", "label", "--json")
    assert (ran.code, ran.err) == (0, "")
    summary = json.loads(ran.out, parse_constant=pytest.fail)
    assert (summary["n_recordings"], summary["n_in_training"]) == (16, 0)
    assert summary["scores"].keys() >= {"accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece", "ci95"}


def test_the_report_is_written(auricle, states_file: Path, new_sounds: Path, out: Path) -> None:
    ran = auricle("evaluate", states_file, new_sounds, "--label", "label", "--report", out / "new.html")
    assert ran.code == 0
    assert "Evaluation of states" in (out / "new.html").read_text(encoding="utf-8")


def test_unknown_classes_are_named(auricle, states_file: Path, new_sounds: Path) -> None:
    table = new_sounds.read_text().replace(",imbalance", ",whistle")
    new_sounds.with_name("other.csv").write_text(table)
    ran = auricle("evaluate", states_file, new_sounds.with_name("other.csv"), "--label", "label")
    assert ran.code == 0
    assert "The model does not know 'whistle': " in ran.out


def test_recordings_that_fail_are_named_and_exit_with_1(auricle, states_file: Path, sounds: Path) -> None:
    (sounds / "clips" / "0003.wav").write_bytes(b"")
    ran = auricle("evaluate", states_file, sounds, "--label", "label")
    assert ran.code == 1
    assert "0003.wav" in ran.err
    assert "All 23 recordings" in ran.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--label", "colour"], "`label` must name a column"),
        (["--target", "rpm"], "`task` 'classify' contradicts the column that was named"),
        (["--label", "machine"], "the model must know at least one class of the data"),
        (["--label", "label", "--report", "x.pdf"], "the report's name must end in .html or .htm."),
        (["--label", "label", "--report", "no/x.html"], "the output's folder must exist"),
    ],
)
def test_bad_options_are_one_sentence(options, says, auricle, states_file: Path, new_sounds: Path) -> None:
    ran = auricle("evaluate", states_file, new_sounds, *options)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.sentence


def test_a_regressor(auricle, trained_on_speeds, new_sounds: Path, out: Path) -> None:
    trained_on_speeds.bundle.save(out / "speeds.auricle")
    ran = auricle("evaluate", out / "speeds.auricle", new_sounds, "--target", "rpm", "--group", "machine")
    assert ran.code == 0
    assert "R² " in ran.out.splitlines()[0]
    assert "(error " in ran.out
    ran = auricle("evaluate", out / "speeds.auricle", new_sounds)
    assert "a table must have the column 'target', or `target` must name another." in ran.sentence
