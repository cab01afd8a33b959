"""``auricle predict``: lines in order, formats, failed files, stores and errors."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from auricle.prediction.predictor import Predictor


@pytest.fixture
def clips(machine_sounds: Path) -> Path:
    return machine_sounds.parent / "clips"


def rows(text: str) -> list[dict]:
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def test_a_folder_is_one_line_per_file_in_order(auricle, states_file, states: Predictor, clips: Path) -> None:
    ran = auricle("predict", states_file, clips)
    assert (ran.code, ran.err) == (0, "")
    files = sorted(clips.iterdir())
    assert rows(ran.out) == [{"file": str(file), **states.predict(file).as_json()} for file in files]


def test_workers_change_nothing(auricle, states_file, clips: Path) -> None:
    assert auricle("predict", states_file, clips, "--workers", "2") == auricle("predict", states_file, clips)


def test_patterns_and_files_are_joined(auricle, states_file, clips: Path) -> None:
    ran = auricle("predict", states_file, clips / "000?.wav", clips / "0001.wav", clips / "0024.wav")
    assert [Path(row["file"]).stem for row in rows(ran.out)] == [*(f"000{i}" for i in range(1, 10)), "0024"]


def test_windows_and_hop(auricle, states_file, states: Predictor, clips: Path) -> None:
    file = clips / "0001.wav"
    got = rows(auricle("predict", states_file, file, "--windows").out)
    recording, windows = states.answers(file)
    assert got == [{"file": str(file), **prediction.as_json()} for prediction in (recording, *windows)]
    got = rows(auricle("predict", states_file, file, "--windows", "--hop-s", "0.1").out)
    assert [row["level"] for row in got] == ["recording"] + ["window"] * 5


def test_jsonl_and_csv_agree(auricle, states_file, clips: Path, out: Path) -> None:
    ran = auricle("predict", states_file, clips, "-o", out / "x.jsonl")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    lines = rows((out / "x.jsonl").read_text())
    ran = auricle("predict", states_file, clips, "-o", out / "x.csv", "--format", "csv")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    with (out / "x.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["file"], row["label"]) for row in table] == [(row["file"], row["label"]) for row in lines]
    for row, line in zip(table, lines, strict=True):
        assert {name: float(row[f"p_{name}"]) for name in line["probabilities"]} == line["probabilities"]
    assert sorted(path.name for path in out.iterdir()) == ["x.csv", "x.jsonl"]


def test_a_regressor(auricle, trained_on_speeds, clips: Path, tmp_path: Path) -> None:
    trained_on_speeds.bundle.save(tmp_path / "rpm.auricle")
    (row,) = rows(auricle("predict", tmp_path / "rpm.auricle", clips / "0001.wav").out)
    assert row.keys() >= {"file", "level", "start_s", "end_s", "value", "quality", "model"}
    assert row.keys().isdisjoint({"label", "confidence", "probabilities"})


def test_a_failed_file_keeps_its_place(auricle, states_file, clips: Path, tmp_path: Path) -> None:
    ran = auricle("predict", states_file, clips / "0001.wav", tmp_path / "no.wav", clips / "0002.wav")
    assert ran.code == 1
    first, failed, last = rows(ran.out)
    assert first["label"]
    assert last["label"]
    assert failed == {
        "file": f"{tmp_path}/no.wav",
        "error": {"kind": "audio", "message": f"{tmp_path}/no.wav: there is no such file."},
    }
    table = auricle("predict", states_file, tmp_path / "no.wav", "--format", "csv")
    assert table.code == 1
    assert table.out.splitlines()[1].endswith(f",audio: {tmp_path}/no.wav: there is no such file.")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_file_name_that_is_not_text(form: str, auricle, states_file, clips: Path, tmp_path: Path, out: Path) -> None:
    odd = os.path.join(os.fsencode(tmp_path), b'caf\xe9, "x"\n.wav')  # noqa: PTH118  (bytes have no Path)
    shutil.copy(clips / "0001.wav", odd)
    for name in (os.fsdecode(odd), os.fsdecode(odd) + "no"):
        ran = auricle("predict", states_file, name, "--format", form, "-o", out / f"x.{form}")
        assert ran.code == int(name.endswith("no"))
        assert b"caf\\udce9" in (out / f"x.{form}").read_bytes()
        assert auricle("predict", states_file, name, "--format", form).out.count("caf") >= 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--format", "xml"], "`format` must be among jsonl, csv, audacity, raven. Got 'xml'."),
        (["--hop-s", "9"], "`hop_s` must be above 0 and at most the window's 0.2 s. Got 9."),
        (["--hop-s", "0"], "`hop_s` must be above 0 and at most the window's 0.2 s. Got 0."),
        (["--workers", "0"], "`workers` must be at least 1. Got 0."),
    ],
)
def test_bad_options_write_nothing(options, says: str, auricle, states_file, clips: Path, out: Path) -> None:
    for where in ([], ["-o", out / "x.jsonl"]):
        ran = auricle("predict", states_file, clips, *options, *where)
        assert (ran.code, ran.out, ran.sentence) == (2, "", says)
    assert list(out.iterdir()) == []


def test_a_folder_without_sound(auricle, states_file, tmp_path: Path, out: Path) -> None:
    (tmp_path / "none").mkdir()
    ran = auricle("predict", states_file, tmp_path / "none", "-o", out / "x.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert ran.sentence.startswith(f"{tmp_path}/none: the folder must hold sound files")
    assert list(out.iterdir()) == []


def test_a_store_logs_every_prediction(auricle, states_file: Path, machine_sounds: Path, tmp_path: Path) -> None:
    from auricle.store.store import Store

    url = f"sqlite:///{tmp_path}/kept.db"
    clips = machine_sounds.parent / "clips"
    (tmp_path / "none.wav").write_text("no sound")
    got = auricle("predict", states_file, clips, tmp_path / "none.wav", "--store", url)
    assert got.code == 1
    with Store.open(url) as store:
        kept = {entry.source: entry for entry in store.entries(limit=1000).entries}
    lines = [json.loads(line) for line in got.out.splitlines()]
    assert len(kept) == len(lines) - 1
    for line in lines[:-1]:
        recording = kept[line.pop("file")].recording
        assert json.loads(json.dumps(recording.as_json())) == line


def test_an_unusable_store_is_an_error(auricle, states_file: Path, machine_sounds: Path, tmp_path: Path) -> None:
    got = auricle("predict", states_file, machine_sounds.parent / "clips", "--store", "mongodb://x")
    assert got.code == 2
    assert "sqlite:///FILE" in got.err
    got = auricle("predict", states_file, "x.wav", "--store", "s.db", "--engine", "dask://h:1", "-o", tmp_path / "o")
    assert got.code == 2
    assert "`--store` must be given without `--engine`" in got.err
