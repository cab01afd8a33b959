"""A graph while it is written: nodes and constants, in standard ONNX operators only."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import compose, helper, numpy_helper

__all__ = ["OPSET", "Draft", "Operand", "Value"]

OPSET = 18

Value: TypeAlias = str
"""The name of what a node gives."""

Operand: TypeAlias = str | NDArray[Any] | np.generic
"""What a node takes: a value, or a constant."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Nodes in the order in which they run; a body's draft shares constants and names with the graph around it."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def body(self) -> "Draft":
        """Return an empty draft for the body of a loop in this graph."""
        return Draft(constants=self.constants, numbers=self.numbers)

    def constant(self, number: NDArray[Any] | np.generic) -> Value:
        """Add a constant, once however often it is asked for; return its name."""
        array = np.ascontiguousarray(number).reshape(np.shape(number))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"constant{len(self.constants)}")
        return str(self.constants[key].name)

    def node(self, operator: str, *operands: Operand, **attributes: Any) -> Value:
        """Add one operator of one result; return the result's name."""
        return self.split(operator, *operands, n=1, **attributes)[0]

    def split(self, operator: str, *operands: Operand, n: int, **attributes: Any) -> list[Value]:
        """Add one operator of ``n`` results; return their names."""
        inputs = [operand if isinstance(operand, str) else self.constant(operand) for operand in operands]
        number = next(self.numbers)
        results = [f"{operator.lower()}{number}" + (f"_{i}" if n > 1 else "") for i in range(n)]
        self.nodes.append(helper.make_node(operator, inputs, results, name=f"{operator}{number}", **attributes))
        return results

    def cast(self, value: Operand, kind: type[np.generic]) -> Value:
        """Add a conversion of type."""
        return self.node("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(kind)))

    def length(self, value: Value, axis: int) -> Value:
        """Add the length of one axis: int64, shape (1,)."""
        return self.node("Shape", value, start=axis, end=axis + 1)

    def range(self, stop: Operand) -> Value:
        """Add the whole numbers from 0 to before ``stop``, int64 of shape (1,)."""
        return self.node("Range", np.int64(0), self.node("Squeeze", stop), np.int64(1))

    def slice(self, value: Value, start: Operand, stop: Operand, axis: int = 0) -> Value:
        """Add a stretch of one axis; ``start`` and ``stop`` are int64 of shape (1,)."""
        return self.node("Slice", value, start, stop, np.array([axis]))

    def graft(self, graph: onnx.GraphProto, value: Value, *, prefix: str) -> Value:
        """Add a graph of one input, which becomes ``value``; return its first output."""
        graph = compose.add_prefix_graph(graph, prefix)
        self.nodes.append(helper.make_node("Identity", [value], [graph.input[0].name]))
        self.nodes.extend(graph.node)
        self.constants.update({(constant.name, (), b""): constant for constant in graph.initializer})
        return str(graph.output[0].name)
