import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from auricle.bundles.graph_builder import GraphBuilder

OUTPUT = (TensorProto.FLOAT, ["n"])
INPUT = helper.make_tensor_value_info("samples", *OUTPUT)
INNER = helper.make_tensor_value_info("y", *OUTPUT)


def test_equal_constants_are_stored_once():
    graph = GraphBuilder()
    names = [graph.constant(np.float32(2)), graph.constant(np.float32(2)), graph.constant(np.array([2], np.float32))]
    assert names[0] == names[1] != names[2]
    assert len(graph.constants) == 2


def test_constants_keep_their_shape_and_type():
    graph = GraphBuilder()
    graph.constant(np.arange(6).reshape(2, 3).T)
    graph.constant(np.float64(1.5))
    assert [(list(c.dims), c.data_type) for c in graph.constants.values()] == [([3, 2], 7), ([], 11)]


def test_a_body_shares_constants_but_no_names():
    graph = GraphBuilder()
    body = graph.body()
    first, second = graph.node("Neg", np.float32(1)), body.node("Neg", np.float32(1))
    assert first != second
    assert len(graph.constants) == 1
    assert (len(graph.nodes), len(body.nodes)) == (1, 1)


def run(graph, value, samples):
    serialised = graph.serialize([INPUT], [(helper.make_tensor_value_info("out", *OUTPUT), value)])
    session = onnxruntime.InferenceSession(serialised, providers=["CPUExecutionProvider"])
    return session.run(None, {"samples": samples})[0]


def test_a_built_graph_runs():
    graph = GraphBuilder()
    middle = graph.slice("samples", np.array([1]), graph.node("Sub", graph.length("samples", 0), np.array([1])))
    value = graph.node("Mul", middle, np.float32(10))
    np.testing.assert_array_equal(run(graph, value, np.array([1, 2, 3, 4], np.float32)), [20, 30])


def test_a_graph_can_be_grafted_twice():
    def plus_one():
        part = GraphBuilder()
        then = helper.make_graph([helper.make_node("Add", ["samples", "constant0"], ["y"])], "then", [], [INNER])
        other = helper.make_graph([helper.make_node("Identity", ["samples"], ["y"])], "else", [], [INNER])
        part.constant(np.float32(1))
        part.nodes.append(helper.make_node("If", ["always"], ["out"], then_branch=then, else_branch=other))
        part.nodes.insert(0, helper.make_node("Not", [part.constant(np.array(0, bool))], ["always"]))
        return onnx.load_model_from_string(
            part.serialize([INPUT], [(helper.make_tensor_value_info("result", *OUTPUT), "out")])
        ).graph

    graph = GraphBuilder()
    value = graph.graft(plus_one(), graph.graft(plus_one(), "samples"), output="result")
    np.testing.assert_array_equal(run(graph, value, np.array([1, 2], np.float32)), [3, 4])
