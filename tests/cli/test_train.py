"""``auricle train``: bundle, JSON summary, report, embeddings and errors."""

import json
from pathlib import Path

import numpy as np
import pytest

from auricle.prediction.predictor import load


def strict(text: str) -> dict:
    parsed: dict = json.loads(text, parse_constant=pytest.fail)
    return parsed


def test_training_writes_a_bundle_and_prints_its_scores(auricle, machine_sounds: Path, out: Path) -> None:
    path = out / "motor.auricle"
    ran = auricle("train", machine_sounds, "--label", "label", "--group", "machine", "--models", "linear", "-o", path)
    assert (ran.code, ran.out) == (0, "")
    assert "24 recordings, 24 windows, 3 groups" in ran.err
    assert "Chosen: linear, cross-validated accuracy " in ran.err
    assert "Held out: accuracy " in ran.err
    assert "% interval " in ran.err
    assert f"Wrote {path} (" in ran.err
    model = load(path)
    assert model.bundle.manifest.name == "motor"
    assert model.predict(machine_sounds.parent / "clips" / "0001.wav").label in model.classes


def test_json_is_one_object_with_the_documented_keys(auricle, machine_sounds: Path, out: Path) -> None:
    path = out / "motor.auricle"
    arguments = ["--label", "label", "--group", "machine", "--models", "linear,svm", "--window-s", "0.2", "--json"]
    ran = auricle("train", machine_sounds, *arguments, "-o", path)
    assert (ran.code, ran.err) == (0, "")
    summary = strict(ran.out)
    assert summary.keys() >= {
        *("task", "n_recordings", "n_windows", "classes", "groups", "candidates", "chosen", "cv_score", "test"),
        *("verdict", "verdict_kind", "window_s", "seconds", "bundle"),
    }
    assert (summary["task"], summary["n_recordings"], summary["n_windows"], summary["groups"]) == (
        "classify",
        24,
        72,
        3,
    )
    assert summary["classes"] == ["cavitation", "healthy", "imbalance", "worn_bearing"]
    assert {trial["model"] for trial in summary["candidates"]} >= {"linear", "svm"}
    assert all(trial.keys() >= {"model", "cv_score", "cv_sd", "fit_s"} for trial in summary["candidates"])
    assert summary["chosen"] in {trial["model"] for trial in summary["candidates"]}
    assert summary["test"].keys() >= {"accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece", "ci95"}
    low, high = summary["test"]["ci95"]
    assert 0 <= low <= summary["test"]["accuracy"] <= high <= 1
    assert (summary["window_s"], summary["bundle"]) == (0.2, str(path))


def test_a_target_column_is_regression(auricle, machine_sounds: Path, out: Path) -> None:
    ran = auricle(
        *("train", machine_sounds, "--target", "rpm", "--group", "machine", "--models", "linear", "--json"),
        *("-o", out / "rpm.auricle"),
    )
    assert (ran.code, ran.err) == (0, "")
    summary = strict(ran.out)
    assert summary["task"] == "regress"
    assert summary["test"].keys() >= {"r2", "mae", "rmse", "ci95"}
    assert np.isfinite(load(out / "rpm.auricle").predict(machine_sounds.parent / "clips" / "0001.wav").value)


def test_published_folds_and_a_grid(auricle, machine_sounds: Path, out: Path) -> None:
    common = ["train", machine_sounds, "--label", "label", "--models", "linear", "--json", "-o", out / "x.auricle"]
    folded = strict(auricle(*common, "--fold", "machine", "--group", "machine").out)
    assert folded["test"]["n_recordings"] == 24
    assert "3 published folds" in folded["protocol"]
    tuned = strict(auricle(*common, "--tune", "grid").out)
    assert len(tuned["candidates"]) == 6
    assert tuned["protocol"].startswith("by 5 folds of whole groups")
    assert tuned["test"]["n_groups"] == 24


def test_training_twice_gives_the_same_model(auricle, machine_sounds: Path, tmp_path: Path) -> None:
    versions = set()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "x.auricle"
        arguments = ["--label", "label", "--models", "linear", "--workers", "1" if folder == "one" else "2"]
        auricle("train", machine_sounds, *arguments, "--cache-max", "0", "-o", path)
        versions.add(load(path).name)
    assert len(versions) == 1


def test_an_earlier_bundle_is_replaced_only_on_success(
    auricle, machine_sounds: Path, states_file: Path, out: Path
) -> None:
    path, earlier = out / "x.auricle", states_file.read_bytes()
    path.write_bytes(earlier)
    assert auricle("train", machine_sounds, "--models", "none", "--label", "label", "-o", path).code == 2
    assert path.read_bytes() == earlier
    assert auricle("train", machine_sounds, "--models", "linear", "--label", "label", "-o", path).code == 0
    assert path.read_bytes() != earlier
    assert load(path).classes
    assert [file.name for file in out.iterdir()] == ["x.auricle"]


def test_the_report_agrees_with_the_json(auricle, machine_sounds: Path, out: Path) -> None:
    arguments = ["--label", "label", "--group", "machine", "--models", "linear", "--json"]
    ran = auricle("train", machine_sounds, *arguments, "-o", out / "x.auricle", "--report", out / "x.html")
    assert ran.code == 0
    summary = strict(ran.out)
    assert summary["learning_curve"].keys() == {"points", "gain", "sentence"}
    assert summary["learning_curve"]["sentence"] in (out / "x.html").read_text(encoding="utf-8")
    assert {part["value"] for part in summary["by_column"]["machine"]} == {"machine_1", "machine_2", "machine_3"}
    assert len(summary["by_class"]) == len(summary["classes"])
    assert all(leak.keys() == {"kind", "severity", "message", "files"} for leak in summary["leaks"])


def test_an_unwritable_report_is_refused_first(auricle, machine_sounds: Path, out: Path) -> None:
    arguments = ["--label", "label", "-o", out / "x.auricle", "--report", out / "no" / "x.html"]
    assert "the output's folder must exist" in auricle("train", machine_sounds, *arguments).sentence
    assert list(out.iterdir()) == []


def test_recordings_that_inspect_scanned_are_not_decoded_again(
    auricle, machine_sounds: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert auricle("inspect", machine_sounds, "--label", "label").code == 0
    monkeypatch.setattr("auricle.inspection.scan.frames_of", lambda _: pytest.fail("it was scanned again"))
    arguments = ["--label", "label", "--models", "linear", "-o", out / "x.auricle"]
    assert auricle("train", machine_sounds, *arguments).code == 0
    assert auricle("inspect", machine_sounds, "--label", "label").code == 0


def test_a_pretrained_model_is_named_by_its_file(auricle, machine_sounds: Path, out: Path, tiny_embedding) -> None:
    (out / "tiny.onnx").write_bytes(tiny_embedding.graphs[0])
    (out / "tiny.json").write_text(tiny_embedding.card.model_dump_json())
    arguments = ["--label", "label", "--group", "machine", "--window-s", "0.2", "--models", "embedding", "--json"]
    ran = auricle("train", machine_sounds, *arguments, "--embedding", out / "tiny.onnx", "-o", out / "x.auricle")
    assert ran.code == 0
    assert {trial["model"] for trial in strict(ran.out)["candidates"]} == {
        "embedding(tiny)",
        "embedding(pooled+tiny)",
    }
    assert "tiny" in load(out / "x.auricle").bundle.embeddings
    refused = auricle("export", out / "x.auricle", "-o", out / "x.onnx")
    assert refused.code == 2
    assert "must read pooled features or images to be exported" in refused.sentence


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["none", "yamnet"], "`--embedding` none must stand alone"),
        (["vggish"], "`embedding` must be yamnet, speech"),
        (["gone.onnx"], "gone.onnx: the model's file must exist"),
    ],
)
def test_unknown_embeddings_are_refused(auricle, machine_sounds: Path, out: Path, given, message) -> None:
    options = [word for name in given for word in ("--embedding", name)]
    ran = auricle("train", machine_sounds, "--label", "label", *options, "-o", out / "x.auricle")
    assert ran.code == 2
    assert message in ran.sentence
