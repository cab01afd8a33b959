"""Graphs that claim more than they hold are refused before anything is allocated for them."""

import resource
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, helper, numpy_helper

from auricle.bundles.graph import Graph
from auricle.errors import BundleError
from auricle.features.embeddings.onnx_claims import faulty_claim

HUGE = 1 << 36


def tensor(*, dims: tuple[int, ...] = (1, 1), raw: bytes = b"\0\0\0\0", **fields: object) -> TensorProto:
    return TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=raw, **fields)


def model(change: Callable[[ModelProto], object]) -> bytes:
    """A graph that adds up its columns, changed."""
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 4])
    value = helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])
    axes = numpy_helper.from_array(np.array([1]), "axes")
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["rows", "axes"], ["value"])], "g", [rows], [value], [axes]
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    change(made)
    return bytes(made.SerializeToString())


def in_node(attribute: AttributeProto) -> Callable[[ModelProto], object]:
    return lambda made: made.graph.node.add(op_type="Constant", output=["c"]).attribute.append(attribute)


def external(made: ModelProto, **key: str) -> None:
    added = made.graph.initializer.add()
    added.CopyFrom(tensor(raw=b""))
    for name, text in key.items():
        added.external_data.add(key=name, value=text)
    added.data_location = TensorProto.EXTERNAL


FAULTY: dict[str, Callable[[ModelProto], object]] = {
    "an initializer": lambda made: made.graph.initializer.append(tensor(dims=(HUGE,))),
    "many small dimensions": lambda made: made.graph.initializer.append(tensor(dims=(2,) * 60)),
    "no numbers at all": lambda made: made.graph.initializer.append(tensor(dims=(HUGE,), raw=b"")),
    "typed numbers": lambda made: made.graph.initializer.append(tensor(dims=(10**6,), raw=b"", float_data=[1.0] * 9)),
    "a constant": in_node(helper.make_attribute("value", tensor(dims=(HUGE,)))),
    "constants in a list": in_node(
        AttributeProto(name="v", type=AttributeProto.TENSORS, tensors=[tensor(dims=(HUGE,))])
    ),
    "a subgraph": in_node(helper.make_attribute("then_branch", GraphProto(initializer=[tensor(dims=(HUGE,))]))),
    "a list of subgraphs": in_node(
        AttributeProto(name="g", type=AttributeProto.GRAPHS, graphs=[GraphProto(initializer=[tensor(dims=(HUGE,))])])
    ),
    "a function": lambda made: (
        made.functions.add(name="f", domain="d")
        .node.add(op_type="Constant")
        .attribute.append(helper.make_attribute("value", tensor(dims=(HUGE,))))
    ),
    "training": lambda made: made.training_info.add().algorithm.initializer.append(tensor(dims=(HUGE,))),
    "a sparse initializer": lambda made: made.graph.sparse_initializer.add(dims=[HUGE]),
    "weights in a file": lambda made: external(made, location="/etc/passwd"),
    "weights in a file, its key second": lambda made: external(made, offset="0", location="/etc/passwd"),
    "weights elsewhere, without a file": external,
}


@pytest.mark.parametrize("kind", FAULTY)
def test_a_graph_that_claims_more_than_it_holds_is_refused(kind: str) -> None:
    serialised = model(FAULTY[kind])
    assert faulty_claim(serialised) is not None
    with pytest.raises(BundleError, match="must hold its weights"):
        Graph(serialised)


def test_a_whole_graph_claims_nothing() -> None:
    whole = model(lambda made: made.graph.initializer.append(numpy_helper.from_array(np.ones((30, 40)), "w")))
    assert faulty_claim(whole) is None
    lists = AttributeProto(name="l", floats=[0.5] * 1000, ints=[-1, 300, 0], strings=[b"x"], type=AttributeProto.FLOATS)
    assert faulty_claim(model(in_node(lists))) is None


def test_two_tensors_of_one_attribute_are_refused() -> None:
    """Protobuf merges them: the dimensions of both, and the numbers of one."""
    one = tensor(dims=(1000,), raw=bytes(4000)).SerializeToString()
    field = b"\x2a" + bytes([0x80 | len(one) & 0x7F, len(one) >> 7]) + one
    attribute = AttributeProto(name="value", type=AttributeProto.TENSOR).SerializeToString() + field
    assert faulty_claim(model(in_node(AttributeProto.FromString(attribute)))) is None
    twice = AttributeProto.FromString(attribute + field)
    assert list(twice.t.dims) == [1000, 1000]
    node = b"\x2a" + bytes([0x80 | len(attribute + field) & 0x7F, len(attribute + field) >> 7]) + attribute + field
    graph = b"\x0a" + bytes([0x80 | len(node) & 0x7F, len(node) >> 7]) + node
    whole = b"\x3a" + bytes([0x80 | len(graph) & 0x7F, len(graph) >> 7]) + graph
    assert faulty_claim(whole) == "gives an attribute two tensors"


def test_a_graph_that_multiplies_its_numbers_fails_without_taking_memory() -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def grow(made: ModelProto) -> None:
        made.graph.initializer.append(numpy_helper.from_array(np.array([1, HUGE]), "shape"))
        made.graph.node[0].output[0] = "sum"
        made.graph.node.add(op_type="Expand", input=["sum", "shape"], output=["big"])
        made.graph.node.add(op_type="ReduceSum", input=["big", "axes"], output=["value"])

    graph = Graph(model(grow))
    with pytest.raises(BundleError, match="must run"):
        graph.predict(np.ones((1, 4), np.float32))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 200_000


@given(st.binary(max_size=300))
def test_any_bytes_are_judged(content: bytes) -> None:
    faulty_claim(content)


@given(st.data())
def test_a_damaged_graph_is_judged(data: st.DataObject) -> None:
    whole = bytearray(model(FAULTY["a subgraph"]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    faulty_claim(bytes(whole))
