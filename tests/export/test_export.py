import json

import numpy as np
import onnxruntime
import pytest

from auricle.errors import ExportError, OutputError, UsageError
from auricle.export import export as module
from auricle.export.export import export


def test_export_writes_graph_and_card(states, tmp_path):
    written = export(states.bundle, tmp_path / "a.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.onnx"]
    assert written.n_bytes == written.graph.stat().st_size
    assert 0 <= written.difference < 1e-3
    session = onnxruntime.InferenceSession(written.graph, providers=["CPUExecutionProvider"])
    assert session.run(["probabilities"], {"samples": np.ones(2000, np.float32)})[0].shape == (len(states.classes),)
    assert json.loads(written.card.read_text(encoding="utf-8"))["classes"] == list(states.classes)
    assert written.as_json()["output"] == str(tmp_path / "a.onnx")


def test_other_suffixes_are_refused(states, tmp_path):
    with pytest.raises(UsageError, match=r"must end in \.onnx"):
        export(states.bundle, tmp_path / "a.tflite")


def test_a_missing_folder_is_an_error(states, tmp_path):
    with pytest.raises(OutputError, match="folder must exist"):
        export(states.bundle, tmp_path / "no" / "a.onnx")


def test_a_graph_that_differs_is_not_written(states, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "build_graph", lambda _: b"no graph")
    with pytest.raises(ExportError):
        export(states.bundle, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
