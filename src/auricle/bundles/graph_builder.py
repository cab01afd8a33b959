"""Build and serialise an ONNX graph of standard operators: nodes, constants and grafted graphs."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

__all__ = ["OPSET", "OPSETS", "GraphBuilder", "Operand", "Value"]

OPSET = 18
"""Version of ONNX's standard operators."""
OPSETS = {"": OPSET, "ai.onnx.ml": 3}
IR_VERSION = 8  # what runtimes of 2023 read

Value: TypeAlias = str
"""Name of a node's result, or of a graph's input."""

Operand: TypeAlias = str | NDArray[Any] | np.generic
"""Input of a node: a value, or a constant."""


@dataclass(frozen=True, slots=True)
class GraphBuilder:
    """Nodes of a graph in execution order; the builder of a loop's body shares constants and names with it."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def body(self) -> "GraphBuilder":
        """Return an empty builder for the body of a loop in this graph."""
        return GraphBuilder(constants=self.constants, numbers=self.numbers)

    def constant(self, number: NDArray[Any] | np.generic) -> Value:
        """Add a constant, once for equal ones; return its name."""
        array = np.ascontiguousarray(number).reshape(np.shape(number))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"constant{len(self.constants)}")
        return str(self.constants[key].name)

    def node(self, operator: str, *operands: Operand, **attributes: Any) -> Value:
        """Add an operator with one result; return the result's name."""
        return self.split(operator, *operands, n=1, **attributes)[0]

    def split(self, operator: str, *operands: Operand, n: int, **attributes: Any) -> list[Value]:
        """Add an operator with ``n`` results; return their names."""
        inputs = [operand if isinstance(operand, str) else self.constant(operand) for operand in operands]
        number = next(self.numbers)
        results = [f"{operator.lower()}{number}" + (f"_{i}" if n > 1 else "") for i in range(n)]
        self.nodes.append(helper.make_node(operator, inputs, results, name=f"{operator}{number}", **attributes))
        return results

    def cast(self, value: Operand, kind: type[np.generic]) -> Value:
        """Add a type conversion."""
        return self.node("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(kind)))

    def length(self, value: Value, axis: int) -> Value:
        """Add the length of one axis: int64, shape (1,)."""
        return self.node("Shape", value, start=axis, end=axis + 1)

    def range(self, stop: Operand) -> Value:
        """Add the integers from 0 to ``stop`` - 1; ``stop`` is int64 of shape (1,)."""
        return self.node("Range", np.int64(0), self.node("Squeeze", stop), np.int64(1))

    def slice(self, value: Value, start: Operand, stop: Operand, axis: int = 0) -> Value:
        """Add a slice of one axis; ``start`` and ``stop`` are int64 of shape (1,)."""
        return self.node("Slice", value, start, stop, np.array([axis]))

    def graft(self, graph: onnx.GraphProto, value: Value, *, output: str | None = None) -> Value:
        """Add a graph with one input, replaced by ``value``; return its first output, or the named one.

        Values get new names by position: skl2onnx numbers them over all conversions of a process, so that equal models
        would give different graphs.

        Parameters
        ----------
        graph : onnx.GraphProto
            Renamed in place.
        """
        names = {"": "", graph.input[0].name: value}
        self._rename(graph, names)
        self.constants.update({(constant.name, (), b""): constant for constant in graph.initializer})
        self.nodes.extend(graph.node)
        return names[output or graph.output[0].name]

    def serialize(
        self,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[tuple[onnx.ValueInfoProto, Value]],
        *,
        doc: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the serialised graph.

        Parameters
        ----------
        inputs : sequence of onnx.ValueInfoProto
        outputs : sequence of (onnx.ValueInfoProto, Value)
            Name, type and shape of each output, and its value.
        doc : str
            Description of the graph.
        metadata : mapping of str to str, optional
        """
        named = [helper.make_node("Identity", [value], [info.name]) for info, value in outputs]
        infos = [info for info, _ in outputs]
        graph = helper.make_graph(
            [*self.nodes, *named], "auricle", inputs, infos, [*self.constants.values()], doc_string=doc
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(*opset) for opset in OPSETS.items()],
            ir_version=IR_VERSION,
            producer_name="auricle",
            doc_string=doc,
        )
        helper.set_model_props(model, dict(metadata or {}))
        return bytes(model.SerializeToString(deterministic=True))

    def _rename(self, graph: onnx.GraphProto, names: dict[str, str]) -> None:
        """Give every value of a graph a name unused in this one, and add it to ``names``."""

        def new_name(name: str) -> str:
            names[name] = f"value{next(self.numbers)}"
            return names[name]

        for constant in graph.initializer:
            constant.name = new_name(constant.name)
        for node in graph.node:
            node.name = ""
            node.input[:] = [names[name] for name in node.input]
            for body in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
                inner = dict(names)
                for value in body.input:
                    inner[value.name] = value.name = f"value{next(self.numbers)}"
                self._rename(body, inner)
                for value in body.output:
                    value.name = inner[value.name]
            node.output[:] = [new_name(name) if name else "" for name in node.output]
