import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from auricle.bundles.graph import Graph
from auricle.errors import BundleError


def identity(source: str, result: str, shape: list[int | str | None], *, kind: int = TensorProto.FLOAT) -> bytes:
    """Return a graph that copies its input to its output."""
    graph = helper.make_graph(
        [helper.make_node("Identity", [source], [result])],
        "test",
        [helper.make_tensor_value_info(source, kind, shape)],
        [helper.make_tensor_value_info(result, kind, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("output_name", ["probabilities", "value"])
def test_a_graph_predicts_rows(output_name: str) -> None:
    graph = Graph(identity("rows", output_name, [None, 3]))
    assert (graph.n_columns, graph.output) == (3, output_name)
    rows = np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::-1]
    outputs = graph.predict(rows)
    assert outputs.dtype == np.float32
    np.testing.assert_array_equal(outputs, rows)


@pytest.mark.parametrize("content", [b"", b"text", identity("rows", "value", [None, 3])[:-40]])
def test_bytes_other_than_a_graph_are_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="must load in onnxruntime"):
        Graph(content)


@pytest.mark.parametrize(
    "content",
    [
        identity("rows", "label", [None, 3]),
        identity("x", "value", [None, 3]),
        identity("rows", "value", [3]),
        identity("rows", "value", [None, 3, 3]),
        identity("rows", "value", [None, None]),
        identity("rows", "value", [None, "n"]),
        identity("rows", "value", [None, 3], kind=TensorProto.DOUBLE),
    ],
    ids=["other output", "other input", "1-D", "3-D", "any width", "named width", "float64"],
)
def test_a_graph_of_another_shape_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="must go from `rows`"):
        Graph(content)


def test_a_graph_does_not_read_other_files(trained_on_states) -> None:
    """onnxruntime would read any file that an untrusted graph names."""
    model = onnx.load_from_string(trained_on_states.bundle.graph)
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights", size_threshold=0)
    for constant in model.graph.initializer:
        if constant.HasField("raw_data") and constant.data_location == TensorProto.EXTERNAL:
            constant.ClearField("raw_data")
    with pytest.raises(BundleError, match="must hold its weights"):
        Graph(model.SerializeToString())
