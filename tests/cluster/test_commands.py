"""`features`, `predict` and `train` with `--engine`, on a real cluster."""

import csv
import json
import shutil
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from auricle.bundles.bundle import Bundle
from auricle.runtime.shards import MANIFEST


@pytest.fixture(scope="module")
def many(machine_sounds, tmp_path_factory) -> Path:
    """A folder of 120 recordings, one of which is no sound."""
    folder = tmp_path_factory.mktemp("many")
    sounds = sorted(machine_sounds.parent.rglob("*.wav"))
    for index in range(120):
        shutil.copy(sounds[index % len(sounds)], folder / f"{index:03d}.wav")
    (folder / "100.wav").write_text("no sound")
    return folder


@pytest.fixture(scope="module")
def written_here(many, states) -> bytes:
    """The predictions that one machine writes."""
    from auricle.prediction.bulk.inputs import expand
    from auricle.prediction.bulk.run import run_to_file
    from auricle.prediction.request import PredictionRequest

    output = many.parent / "here.jsonl"
    run_to_file(states, expand([many]).files, output, request=PredictionRequest(), format_name="jsonl")
    return output.read_bytes()


def joined(folder: Path, suffix: str) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob(f"part-*{suffix}")))


def test_shards_joined_are_what_one_machine_writes(cluster, auricle, states_file, many, written_here, tmp_path):
    out = tmp_path / "out"
    code, stdout, err = auricle("predict", states_file, many, "-o", out, "--engine", cluster.engine, "--json")
    assert code == 1  # one file is no sound
    assert "1 of 120 files failed" in err
    assert joined(out, ".jsonl") == written_here
    report = json.loads(stdout)
    assert (report["n_files"], report["n_failed"], report["n_resumed"]) == (120, 1, 0)
    code, stdout, _ = auricle("predict", states_file, many, "-o", out, "--engine", cluster.engine, "--resume", "--json")
    assert json.loads(stdout)["n_resumed"] == 120
    assert joined(out, ".jsonl") == written_here


def test_a_killed_worker_costs_no_row_and_a_run_resumes_after_the_scheduler_died(
    cluster, mortal, auricle, states_file, many, written_here, tmp_path
):
    for name in ("one", "two"):
        mortal.start_worker(name)

    def run_while_dies(name, out):
        def kill() -> None:
            while not (out / MANIFEST).exists() or len(list(out.glob("part-*"))) < 3:
                time.sleep(0.01)
            mortal.kill(name)

        killer = threading.Thread(target=kill)
        killer.start()
        code, _, err = auricle("predict", states_file, many, "-o", out, "--engine", mortal.engine)
        killer.join()
        return code, err

    out = tmp_path / "killed"
    assert run_while_dies("one", out)[0] == 1  # one file is no sound
    assert joined(out, ".jsonl") == written_here
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == []

    out = tmp_path / "stopped"
    code, err = run_while_dies("scheduler", out)
    assert code == 2
    assert "The connection is lost" in err
    code, stdout, _ = auricle("predict", states_file, many, "-o", out, "--engine", cluster.engine, "--resume", "--json")
    assert json.loads(stdout)["n_resumed"] > 0
    assert joined(out, ".jsonl") == written_here


def test_features_are_written_in_shards(cluster, auricle, machine_sounds, tmp_path):
    options = ["--label", "label", "--group", "machine"]
    assert auricle("features", machine_sounds, *options, "-o", tmp_path / "here.csv")[0] == 0
    out = tmp_path / "out"
    code, stdout, _ = auricle("features", machine_sounds, *options, "-o", out, "--engine", cluster.engine, "--json")
    assert code == 0
    report = json.loads(stdout)
    assert report["n_rows"] == report["n_recordings"] == 24
    assert report["n_shards"] == len(list(out.glob("part-*"))) > 1
    found = pa.concat_tables(parquet.read_table(path) for path in sorted(out.glob("part-*.parquet")))
    with (tmp_path / "here.csv").open(newline="") as stream:
        names, *rows = csv.reader(stream)
    assert found.column_names == names
    for name, column, expected in zip(names, found.columns, zip(*rows, strict=True), strict=True):
        is_text = name in {"file", "group", "label"}
        assert column.to_pylist() == list(expected if is_text else np.float32(expected).tolist()), name


def test_features_name_failed_recordings(cluster, auricle, tmp_path, machine_sounds):
    folder = tmp_path / "sounds"
    sounds = sorted(machine_sounds.parent.rglob("*.wav"))
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for sound in sounds[:3]:
            shutil.copy(sound, folder / name)
    (folder / "a" / "bad.wav").write_text("no sound")
    code, stdout, err = auricle("features", folder, "-o", tmp_path / "out", "--engine", cluster.engine, "--json")
    assert code == 1
    assert "1 of 7 recordings failed" in err
    (failure,) = json.loads(stdout)["failed"]
    assert failure["file"].endswith("bad.wav")
    assert failure["error"]["kind"] == "audio"


def test_train_writes_the_bundle_of_one_machine(cluster, auricle, machine_sounds, tmp_path, monkeypatch):
    monkeypatch.chdir(machine_sounds.parent)  # the workers are elsewhere
    arguments = [
        machine_sounds.name,
        "--label",
        "label",
        "--group",
        "machine",
        "--models",
        "linear",
        "--window-s",
        "0.2",
    ]
    here, there = tmp_path / "a" / "states.auricle", tmp_path / "b" / "states.auricle"
    for output, options in ((here, []), (there, ["--engine", cluster.engine, "--cache-max", "0"])):
        output.parent.mkdir()
        assert auricle("train", *arguments, "-o", output, *options)[0] == 0
    mine, other = Bundle.load(here), Bundle.load(there)
    assert mine.version == other.version
    np.testing.assert_array_equal(mine.profile.rows, other.profile.rows)


@pytest.mark.parametrize("command", ["features", "predict", "train"])
def test_a_missing_scheduler_is_an_error(command, auricle, machine_sounds, states_file, tmp_path, monkeypatch):
    monkeypatch.setattr("auricle.runtime.cluster.CONNECT_S", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = [states_file] if command == "predict" else []
    sound = min(machine_sounds.parent.rglob("*.wav")) if command == "predict" else machine_sounds
    label = [] if command == "predict" else ["--label", "label"]
    engine = f"dask://127.0.0.1:{port}"
    code, _, err = auricle(command, *model, sound, *label, "-o", tmp_path / "out", "--engine", engine)
    assert code == 2
    assert f"must answer at 127.0.0.1:{port}" in " ".join(err.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [[], ["-o", "out", "--workers", "2"], ["-o", "out", "--format", "raven"]])
def test_options_that_no_engine_can_serve_are_refused(auricle, states_file, machine_sounds, options):
    sound = min(machine_sounds.parent.rglob("*.wav"))
    code, _, err = auricle("predict", states_file, sound, "--engine", "dask://a:1", *options)
    assert code == 2
    assert "`--engine` must be given with -o" in " ".join(err.split())
