"""Every kind of bad input is one clear sentence with a non-zero exit, and leaves no partial output."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

Run = Callable[..., object]


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_predict_writes_the_error_in_the_row_and_continues(auricle, states_file, machine_sounds, bad, out) -> None:
    good = machine_sounds.parent / "clips" / "0001.wav"
    ran = auricle("predict", states_file, bad.path, good, "-o", out / "x.jsonl")
    assert ran.code == 1
    assert ran.err == "1 of 2 files failed; each has a line with its error.\n"
    failed, predicted = map(json.loads, (out / "x.jsonl").read_text().splitlines())
    assert failed["file"] == str(bad.path)
    assert re.search(rf"^{re.escape(str(bad.path))}: .*{bad.says}.*[.?]$", failed["error"]["message"])
    assert predicted["label"]
    assert [path.name for path in out.iterdir()] == ["x.jsonl"]


def test_train_names_the_file_and_writes_nothing(auricle, sounds, bad, out) -> None:
    replace_by_bad(sounds, bad.path)
    before = tree(sounds)
    ran = auricle("train", sounds, "--label", "label", "--models", "linear", "-o", out / "x.auricle")
    assert ran.code == 2
    assert re.search(rf"1 of 24 are not: {re.escape(str(sounds))}.*{bad.path.name}.*{bad.says}", ran.sentence)
    assert list(out.iterdir()) == []
    assert tree(sounds) == before


def test_train_leaves_bad_files_out_with_skip_bad(auricle, sounds, every_bad, out) -> None:
    for number, bad in enumerate(every_bad, 1):
        replace_by_bad(sounds, bad.path, number=number)
    ran = auricle(
        "train", sounds, "--label", "label", "--models", "linear", "--skip-bad", "--json", "-o", out / "x.auricle"
    )
    assert ran.code == 1
    summary = json.loads(ran.out)
    assert summary["n_recordings"] == 24 - len(every_bad)
    assert [Path(failure["file"]).name for failure in summary["failed"]] == [bad.path.name for bad in every_bad]
    assert all(
        re.search(bad.says, failure["error"]["message"])
        for bad, failure in zip(every_bad, summary["failed"], strict=True)
    )
    assert [path.name for path in out.iterdir()] == ["x.auricle"]


def test_features_names_the_file_and_writes_nothing(auricle, sounds, bad, out) -> None:
    replace_by_bad(sounds, bad.path)
    ran = auricle("features", sounds, "--label", "label", "-o", out / "x.csv")
    assert ran.code == 2
    assert re.search(rf"{bad.path.name}.*{bad.says}", ran.sentence)
    assert list(out.iterdir()) == []


def test_plot_names_the_file_and_draws_nothing(auricle, bad, out) -> None:
    ran = auricle("plot", bad.path, "-o", out / "x.png")
    if bad.path.name == "silence.wav":  # silence can be drawn
        assert (ran.code, ran.err) == (0, "")
        return
    assert ran.code == 2
    assert re.search(rf"^{re.escape(str(bad.path))}: .*{bad.says}", ran.sentence)
    assert list(out.iterdir()) == []


def test_stream_names_the_file(auricle, states_file, bad) -> None:
    ran = auricle("stream", states_file, bad.path)
    if bad.path.name == "silence.wav":  # a stream may be silent
        assert (ran.code, ran.err, len(ran.out.splitlines())) == (0, "", 3)
        return
    assert (ran.code, ran.out) == (2, "")
    assert re.search(rf"^{re.escape(str(bad.path))}: .*{bad.says}", ran.sentence)


def replace_by_bad(sounds: Path, bad: Path, *, number: int = 4) -> None:
    """Replace a good recording of a data set by a bad one, under the bad one's name."""
    shutil.copy(bad, sounds / "clips" / bad.name)
    (sounds / "clips" / f"{number:04}.wav").unlink()
    table = (sounds / "metadata.csv").read_text()
    (sounds / "metadata.csv").write_text(table.replace(f"clips/{number:04}.wav", f"clips/{bad.name}"))


@pytest.mark.parametrize("command", ["train", "features"])
class TestTables:
    def refused(self, auricle, command: str, sounds: Path, out: Path, *options: str) -> str:
        output = out / {"train": "x.auricle", "features": "x.csv"}[command]
        ran = auricle(command, sounds, "-o", output, *options)
        assert (ran.code, ran.out) == (2, "")
        assert list(out.iterdir()) == []
        sentence: str = ran.sentence
        return sentence

    def test_a_missing_file(self, auricle, command, sounds, out) -> None:
        (sounds / "clips" / "0007.wav").unlink()
        sentence = self.refused(auricle, command, sounds, out, "--label", "label")
        assert re.search(r"metadata\.csv, line 8: the recording must be there\. .*clips/0007\.wav\.$", sentence)

    def test_an_unknown_column(self, auricle, command, sounds, out) -> None:
        for option in ("--label", "--target", "--group", "--fold"):
            sentence = self.refused(auricle, command, sounds, out, option, "colour")
            assert f"`{option[2:]}` must name a column. There is no 'colour'; there are 'file_name', " in sentence

    def test_a_missing_folder(self, auricle, command, sounds, out) -> None:
        sentence = self.refused(auricle, command, sounds / "no", out)
        assert sentence == f"{sounds / 'no'}: there is no such file or folder."

    def test_no_readable_sound(self, auricle, command, sounds, out) -> None:
        for path in (sounds / "clips").iterdir():
            path.write_text("text")
        assert "clips/0001.wav" in self.refused(auricle, command, sounds, out, "--label", "label")


class TestSplits:
    def refused(self, auricle, sounds: Path, out: Path, *options: str) -> str:
        ran = auricle("train", sounds, "-o", out / "x.auricle", *options)
        assert (ran.code, ran.out) == (2, "")
        assert list(out.iterdir()) == []
        sentence: str = ran.sentence
        assert str(sounds) in sentence
        return sentence

    def test_a_class_with_one_recording(self, auricle, machine_sounds, tmp_path, out) -> None:
        clips = sorted((machine_sounds.parent / "clips").iterdir())
        for name, files in {"hum": clips[:3], "buzz": clips[3:6], "rare": clips[6:7]}.items():
            (tmp_path / "classes" / name).mkdir(parents=True)
            for file in files:
                shutil.copy(file, tmp_path / "classes" / name)
        sentence = self.refused(auricle, tmp_path / "classes", out)
        assert "Of 'rare', its only recording is in 'rare/0007.wav'" in sentence

    def test_all_recordings_in_one_group(self, auricle, sounds, out) -> None:
        table = (sounds / "metadata.csv").read_text()
        (sounds / "metadata.csv").write_text(re.sub(r"machine_\d", "machine_1", table))
        sentence = self.refused(auricle, sounds, out, "--label", "label", "--group", "machine")
        assert "must be in at least 2 groups. By `group` 'machine', all 24 are in 'machine_1'" in sentence

    def test_labels_that_differ_by_spaces_or_case_are_all_named(self, auricle, sounds, out) -> None:
        table = (sounds / "metadata.csv").read_text()
        table = table.replace("healthy", "Healthy", 1).replace(",healthy", ",healthy ", 1)
        (sounds / "metadata.csv").write_text(table.replace("worn_bearing", "WORN_BEARING", 1))
        sentence = self.refused(auricle, sounds, out, "--label", "label")
        assert sentence.endswith("Spell them alike if they are one class, or rename them.")
        assert "'WORN_BEARING' and 'worn_bearing'" in sentence
        assert "'Healthy' and 'healthy' and 'healthy '" in sentence

    def test_all_clips_are_silent(self, auricle, sounds, out) -> None:
        for file in (sounds / "clips").iterdir():
            soundfile.write(file, np.zeros(4000), 8000)
        sentence = self.refused(auricle, sounds, out, "--label", "label")
        assert "Every recording must be usable. 24 of 24 are not: " in sentence
        assert "Every sample of its 0.500 s is zero." in sentence
        assert "24 of 24 are not" in self.refused(auricle, sounds, out, "--label", "label", "--skip-bad")

    def test_one_class(self, auricle, sounds, out) -> None:
        table = (sounds / "metadata.csv").read_text()
        (sounds / "metadata.csv").write_text(re.sub("healthy|worn_bearing|imbalance|cavitation", "fine", table))
        assert "there must be at least 2 classes" in self.refused(auricle, sounds, out, "--label", "label")


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (["--models", "forest,tree"], r"`models` must be among auto, .*forest.*\. Got 'tree'\."),
            (["--window-s", "long"], r"`--window-s` must be auto or a number of seconds\. Got 'long'\."),
            (["--window-s", "-1"], r"`--window-s` must be above 0\. Got -1\."),
            (["--window-s", "nan"], r"`--window-s` must be above 0\. Got nan\."),
            (["--workers", "0"], r"`workers` must be at least 1\. Got 0\."),
            (["--cache-max", "lots"], r"A size must be a number with KB, MB, GB or TB, such as 10GB\. Got 'lots'\."),
            (
                ["--budget", "soon"],
                r"A duration must be none, or a number above 0 .* such as 5m\. Got 'soon'\.",
            ),
            (["--journal", "x.journal"], r"`journal` keeps the trials of `tune` optuna\. Got 'none': leave it out\."),
            (["--split", "time"], r"a split by time needs a time for every recording\. This one has none\."),
            (["--target", "rpm"], r"`label` and `target` cannot both be named"),
        ],
    )
    def test_bad_settings_are_refused(self, options, says, auricle, machine_sounds, out) -> None:
        ran = auricle("train", machine_sounds, "--label", "label", "-o", out / "x.auricle", *options)
        assert (ran.code, ran.out) == (2, "")
        assert re.search(says, ran.sentence)
        assert list(out.iterdir()) == []

    @pytest.mark.parametrize(
        "arguments",
        [
            ["train", "x", "-o", "y", "--colour", "red"],
            ["train", "x", "-o", "y", "--tune", "luck"],
            ["train", "x", "-o", "y", "--seed", "many"],
            ["train", "x"],
            ["predict"],
            ["sing"],
        ],
    )
    def test_bad_usage_shows_the_usage(self, arguments, auricle) -> None:
        ran = auricle(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "Usage: " in ran.err
        assert "Traceback" not in ran.err

    def test_errors_are_json_with_json(self, auricle, machine_sounds, out) -> None:
        ran = auricle("train", machine_sounds, "--label", "label", "--models", "no", "--json", "-o", out / "x.auricle")
        assert ran.code == 2
        assert json.loads(ran.out) == {"error": {"kind": "usage", "message": ran.sentence}}


OUTPUTS = {
    "train": ("x.auricle", lambda data, _model: ["train", data, "--label", "label", "--models", "linear"]),
    "features": ("x.csv", lambda data, _model: ["features", data, "--label", "label"]),
    "predict": ("x.jsonl", lambda data, model: ["predict", model, data.parent]),
    "plot": ("x.png", lambda data, _model: ["plot", data.parent / "clips" / "0001.wav"]),
}


@pytest.mark.parametrize("command", OUTPUTS)
class TestOutputs:
    def test_a_missing_output_folder(self, command, auricle, machine_sounds, states_file, out) -> None:
        name, arguments = OUTPUTS[command]
        ran = auricle(*arguments(machine_sounds, states_file), "-o", out / "no" / name)
        assert (ran.code, ran.out) == (2, "")
        assert ran.sentence == (
            f"{out / 'no' / name}: the output's folder must exist. {out / 'no'} does not; create it first."
        )
        assert list(out.iterdir()) == []

    def test_a_folder_of_that_name(self, command, auricle, machine_sounds, states_file, out) -> None:
        name, arguments = OUTPUTS[command]
        (out / name).mkdir()
        ran = auricle(*arguments(machine_sounds, states_file), "-o", out / name)
        assert (ran.code, ran.out) == (2, "")
        assert ran.sentence == f"{out / name}: the output must be a file. It is a folder; name a file in it."
        assert list((out / name).iterdir()) == []

    def test_a_full_disk(self, command, auricle, machine_sounds, states_file, out, monkeypatch) -> None:
        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        name, arguments = OUTPUTS[command]
        monkeypatch.setattr("auricle.runtime.files.os.fsync", full)
        ran = auricle(*arguments(machine_sounds, states_file), "-o", out / name)
        assert ran.code == 2
        assert ran.sentence.endswith("cannot be written: No space left on device. Nothing was left behind.")
        assert list(out.iterdir()) == []


@pytest.mark.parametrize("command", ["predict", "stream"])
class TestBundles:
    def refused(self, auricle, command: str, model: Path, machine_sounds: Path, out: Path) -> str:
        sound = machine_sounds.parent / "clips" / "0001.wav"
        ran = auricle(command, model, sound, *(["-o", out / "x.jsonl"] if command == "predict" else []))
        assert (ran.code, ran.out) == (2, "")
        assert list(out.iterdir()) == []
        sentence: str = ran.sentence
        assert sentence.startswith(f"{model}: ")
        return sentence

    @pytest.mark.parametrize("place", [0, 40, 0.1, 0.3, 0.5, 0.7, 0.9, -200, -20, -1])
    def test_one_flipped_byte(self, place, command, auricle, states_file, machine_sounds, tmp_path, out) -> None:
        content = bytearray(states_file.read_bytes())
        content[int(place * len(content)) if 0 < abs(place) < 1 else place] ^= 0xFF
        model = tmp_path / "x.auricle"
        model.write_bytes(content)
        sentence = self.refused(auricle, command, model, machine_sounds, out)
        assert re.search(
            r"bytes must be those that were written\.|must be a bundle that `auricle train` wrote", sentence
        )

    @pytest.mark.parametrize("content", [b"", b"text", b"half"])
    def test_no_bundle(self, content, command, auricle, states_file, machine_sounds, tmp_path, out) -> None:
        whole = states_file.read_bytes()
        model = tmp_path / "x.auricle"
        model.write_bytes(whole[: len(whole) // 2] if content == b"half" else content)
        sentence = self.refused(auricle, command, model, machine_sounds, out)
        assert "must be a bundle that `auricle train` wrote. It is not one, or its end is missing." in sentence

    def test_a_missing_bundle(self, command, auricle, machine_sounds, tmp_path, out) -> None:
        sentence = self.refused(auricle, command, tmp_path / "no.auricle", machine_sounds, out)
        assert sentence.endswith("the bundle must be a readable file. No such file or directory.")


class TestOddSets:
    """Unusual data sets are trained on, and the report says what was done about them."""

    def trained(self, auricle, folder: Path, out: Path) -> tuple[dict, str]:
        ran = auricle(
            "train", folder, "--models", "linear", "--json", "-o", out / "x.auricle", "--report", out / "x.html"
        )
        assert ran.code == 0
        return json.loads(ran.out, parse_constant=pytest.fail), (out / "x.html").read_text(encoding="utf-8")

    def test_contradictory_labels_for_one_sound(self, auricle, tmp_path, out, rng) -> None:
        for label in ("hum", "buzz"):
            (tmp_path / "set" / label).mkdir(parents=True)
            for i in range(8):
                soundfile.write(tmp_path / "set" / label / f"{i}.wav", 0.1 * rng.standard_normal(4000), 8000)
        shutil.copy(tmp_path / "set" / "hum" / "0.wav", tmp_path / "set" / "buzz" / "copy.wav")
        summary, page = self.trained(auricle, tmp_path / "set", out)
        (leak,) = [leak for leak in summary["leaks"] if leak["kind"] == "contradiction"]
        assert [Path(file).name for file in leak["files"]] == ["copy.wav", "0.wav"]
        assert "buzz/copy.wav (buzz) and hum/0.wav (hum)" in page
        assert "But do not trust this score yet: contradiction" in page

    def test_more_classes_than_a_table_shows(self, auricle, tmp_path, out, rng, monkeypatch) -> None:
        monkeypatch.setattr("auricle.evaluation.report_sections.MAX_CLASSES", 7)
        for number in range(8):
            (tmp_path / "set" / f"class_{number:03}").mkdir(parents=True)
            for i in range(2):
                tone = np.sin(2 * np.pi * (100 + 35 * number) * np.arange(800) / 8000)
                sound = 0.2 * tone + 0.01 * rng.standard_normal(800)
                soundfile.write(tmp_path / "set" / f"class_{number:03}" / f"{i}.wav", sound, 8000)
        summary, page = self.trained(auricle, tmp_path / "set", out)
        assert len(summary["by_class"]) == len(summary["confusion"]["classes"]) == 8
        assert "The 7 worst of 8 classes by F1." in page

    def test_rates_and_lengths_of_every_kind(self, auricle, tmp_path, out, rng) -> None:
        lengths_s = (0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8)
        rates_hz = (8000, 11025, 16000, 22050, 44100, 48000)
        for label in ("white", "red"):
            (tmp_path / "set" / label).mkdir(parents=True)
            for i, length_s in enumerate(lengths_s):
                rate_hz = rates_hz[i % len(rates_hz)]
                sound = 0.1 * rng.standard_normal(int(length_s * rate_hz))
                sound = sound if label == "white" else np.convolve(sound, np.ones(8) / 8, "same")
                soundfile.write(tmp_path / "set" / label / f"{i}.wav", sound, rate_hz)
        summary, page = self.trained(auricle, tmp_path / "set", out)
        assert (summary["n_recordings"], summary["failed"]) == (16, [])
        kinds = {finding["kind"] for finding in summary["condition"]}
        assert {"sample rates", "lengths", "short", "few recordings"} <= kinds
        assert "A model hears them at 8000 Hz: the lowest of the recordings" in page


@pytest.mark.parametrize("numbers", [("1e300", "-1e300"), ("1e308", "1"), ("1e-300", "2e-300")])
def test_targets_whose_squares_are_no_numbers_are_refused(numbers: tuple[str, str], auricle, sounds: Path) -> None:
    files = sorted((sounds / "clips").glob("*.wav"))
    lines = [f"{file},{numbers[index % 2]}" for index, file in enumerate(files)]
    (sounds / "t.csv").write_text("\n".join(["file_name,target", *lines]))
    ran = auricle("train", sounds / "t.csv", "-o", sounds / "x.auricle", "--models", "linear")
    assert ran.code == 2
    assert "choose another unit" in ran.sentence


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_output_that_lacks_a_character_shows_its_escape(encoding: str, tmp_path: Path, machine_sounds: Path) -> None:
    for label in ("\u0141\u00f3d\u017a", "b"):
        (tmp_path / label).mkdir()
        for file in sorted((machine_sounds.parent / "clips").glob("*.wav"))[:3]:
            (tmp_path / label / file.name).symlink_to(file)
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "auricle", "inspect", str(tmp_path)]
    ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (ran.returncode, b"Traceback" in ran.stderr) == (0, False)
    assert rb"\u0141" in ran.stdout


@pytest.mark.parametrize("command", ["train", "inspect", "features", "evaluate", "predict", "monitor"])
def test_a_folder_that_may_not_be_listed_is_named(
    command: str, auricle, sounds: Path, states_file: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, real = sounds / "classes", os.scandir
    for label in ("imbalance", "worn_bearing"):
        (data / label / "locked").mkdir(parents=True)
        for file in sorted((sounds / "clips").glob("*.wav"))[:6]:
            (data / label / file.name).write_bytes(file.read_bytes())

    def scandir(path: Any = ".") -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    model = [states_file] if command in ("evaluate", "predict", "monitor") else []
    output = {"train": ["-o", out / "x.auricle", "--models", "linear"], "features": ["-o", out / "x.csv"]}
    ran = auricle(command, *model, data, *output.get(command, []))
    assert "locked" in ran.err
    assert "Permission denied" in ran.err
