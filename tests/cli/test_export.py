import json

import onnx


def test_export_writes_a_graph_and_says_so(auricle, states_file, tmp_path):
    ran = auricle("export", states_file, "-o", tmp_path / "states.onnx")
    assert ran.code == 0
    assert ran.out == ""
    assert "states.onnx" in ran.err
    assert "within" in ran.err
    onnx.checker.check_model(tmp_path / "states.onnx", full_check=True)


def test_export_prints_json(auricle, states_file, tmp_path):
    ran = auricle("export", states_file, "-o", tmp_path / "states.onnx", "--json")
    told = json.loads(ran.out)
    assert told["difference"] < 1e-3
    assert json.loads((tmp_path / "states.json").read_text(encoding="utf-8"))["model"].startswith("states@")


def test_a_name_that_is_no_graph_is_refused_before_the_model_is_read(auricle, tmp_path):
    ran = auricle("export", tmp_path / "none.auricle", "-o", tmp_path / "states.tflite")
    assert ran.code == 2
    assert "must end in .onnx" in ran.sentence


def test_a_file_that_is_no_bundle_is_named(auricle, tmp_path):
    (tmp_path / "text.auricle").write_text("no bundle")
    ran = auricle("export", tmp_path / "text.auricle", "-o", tmp_path / "states.onnx")
    assert ran.code == 2
    assert "text.auricle" in ran.sentence
    assert not (tmp_path / "states.onnx").exists()
