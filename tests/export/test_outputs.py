import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from auricle.bundles.graph_builder import GraphBuilder
from auricle.errors import ExportError
from auricle.export.outputs import _model, _rank


def test_ranks_equal_numpy_interp(run, rng):
    percentiles = np.sort(np.concatenate([np.zeros(20), rng.uniform(0, 1, 61), np.ones(20)]))
    values = np.concatenate([[-1, 0, 1, 2], rng.uniform(-0.1, 1.1, 200), percentiles]).astype(np.float32)
    got = run(lambda graph, value: _rank(graph, graph.cast(value, np.float64), percentiles), values)
    expected = np.interp(values.astype(np.float64), percentiles, np.linspace(0, 1, 101))
    np.testing.assert_allclose(got, expected, atol=1e-12)


def model_graph(version=18, n_inputs=1):
    names = ["rows", "more"][:n_inputs]
    nodes = [helper.make_node("Sum", names, ["value"])]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 3]) for name in names]
    outputs = [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 3])]
    made = helper.make_graph(nodes, "g", inputs, outputs)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", version)], ir_version=8).SerializeToString()


def test_a_model_is_grafted(run):
    rows = np.arange(6, dtype=np.float32)
    got = run(lambda graph, value: _model(graph, graph.node("Reshape", value, np.array([-1, 3])), model_graph()), rows)
    np.testing.assert_array_equal(got, rows.reshape(2, 3))


@pytest.mark.parametrize(("version", "n_inputs"), [(17, 1), (21, 1), (18, 2)])
def test_a_model_of_another_version_or_with_two_inputs_is_refused(version, n_inputs):
    with pytest.raises(ExportError, match=rf"has {n_inputs} inputs, version {version} and 0 functions"):
        _model(GraphBuilder(), "rows", model_graph(version, n_inputs))


def test_a_model_with_functions_is_refused():
    model = onnx.load_model_from_string(model_graph())
    node = helper.make_node("Neg", ["x"], ["y"])
    model.functions.append(helper.make_function("own", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 18)]))
    with pytest.raises(ExportError, match="and 1 functions"):
        _model(GraphBuilder(), "rows", model.SerializeToString())
