from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from auricle.errors import ModelError
from auricle.features.embeddings.onnx_session import Session


def graph(*, dtype: int = TensorProto.FLOAT, external: bool = False) -> bytes:
    weight = numpy_helper.from_array(np.full((4, 2), 0.5, np.float32), "weight")
    if external:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        entry = weight.external_data.add()
        entry.key, entry.value = "location", "weights.bin"
    made = helper.make_graph(
        [
            helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["f", "weight"], ["y"]),
        ],
        "test",
        [helper.make_tensor_value_info("x", dtype, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [weight],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def test_run_returns_the_output() -> None:
    answer = Session(graph(), "x.onnx", "y").run(np.ones((3, 4), np.float32))
    assert np.array_equal(answer, np.full((3, 2), 2.0, np.float32))


def test_refuses_weights_in_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.ones(8, np.float32).tobytes())  # onnxruntime alone would read it
    with pytest.raises(ModelError, match=r"x\.onnx: a graph must hold its weights"):
        Session(graph(external=True), "x.onnx")


def test_onnxruntime_finds_no_weights_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What our look at the bytes might miss is held off all the same.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.ones(8, np.float32).tobytes())
    monkeypatch.setattr("auricle.features.embeddings.onnx_session.faulty_claim", lambda _: None)
    with pytest.raises(ModelError, match=r"x\.onnx: must be an ONNX graph that onnxruntime can run"):
        Session(graph(external=True), "x.onnx")


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVEfmt", b"\x00" * 100])
def test_invalid_graph_raises(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"x\.onnx: must be an ONNX graph"):
        Session(content, "x.onnx")


def test_refuses_another_input() -> None:
    with pytest.raises(ModelError, match=r"one input of float32\. This one has `x` tensor\(int64\)"):
        Session(graph(dtype=TensorProto.INT64), "x.onnx")


def test_refuses_an_output_that_is_not_there() -> None:
    with pytest.raises(ModelError, match="'embedding' must be among the graph's: y"):
        Session(graph(), "x.onnx", "embedding")


@pytest.mark.parametrize("shape", [(None, 5), (None, 4, 1)])
def test_refuses_another_shape(shape: tuple[int | None, ...]) -> None:
    with pytest.raises(ModelError, match="the card says that the graph takes"):
        Session(graph(), "x.onnx").check_shape(shape)


def test_failing_graph_raises() -> None:
    with pytest.raises(ModelError, match=r"must run on \(3, 5\)"):
        Session(graph(), "x.onnx").run(np.ones((3, 5), np.float32))
