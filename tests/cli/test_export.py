"""``auricle export``: the graph, its card, and names that are refused."""

import json

import onnx


def test_export_writes_a_graph(auricle, states_file, tmp_path):
    ran = auricle("export", states_file, "-o", tmp_path / "states.onnx")
    assert ran.code == 0
    assert ran.out == ""
    assert "states.onnx" in ran.err
    assert "within" in ran.err
    onnx.checker.check_model(tmp_path / "states.onnx", full_check=True)


def test_export_prints_json(auricle, states_file, tmp_path):
    ran = auricle("export", states_file, "-o", tmp_path / "states.onnx", "--json")
    written = json.loads(ran.out)
    assert written["difference"] < 1e-3
    assert json.loads((tmp_path / "states.json").read_text(encoding="utf-8"))["model"].startswith("states@")


def test_the_output_name_is_checked_before_the_model(auricle, tmp_path):
    ran = auricle("export", tmp_path / "none.auricle", "-o", tmp_path / "states.tflite")
    assert ran.code == 2
    assert "must end in .onnx" in ran.sentence


def test_a_file_other_than_a_bundle_is_named(auricle, tmp_path):
    (tmp_path / "text.auricle").write_text("no bundle")
    ran = auricle("export", tmp_path / "text.auricle", "-o", tmp_path / "states.onnx")
    assert ran.code == 2
    assert "text.auricle" in ran.sentence
    assert not (tmp_path / "states.onnx").exists()
