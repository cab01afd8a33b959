"""Instructions: a decorator that makes a numba function from the LLVM instructions that it stands for."""

import inspect
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["Builder", "element", "index", "instruction"]

Builder = Any
"""llvmlite's IRBuilder."""


def index(number: int) -> Any:
    """Return a constant array index."""
    return ir.Constant(ir.IntType(64), number)


def element(builder: Builder, data: Any, place: Any, content: Any) -> Any:
    """Emit the address of an array's element, to be read or written as ``content``."""
    return builder.bitcast(builder.gep(data, [place], inbounds=True), ir.PointerType(content))


def instruction(result: types.Type) -> Callable[[Callable[..., Any]], Any]:
    """Make a function for kernels from one that emits LLVM instructions.

    The emitting function gets a builder and one LLVM value for each argument: arrays as the address of their first
    element (they must be contiguous), whole numbers as 64 bits, other numbers as 32-bit floats, lanes as they are.
    Nothing checks bounds.

    Parameters
    ----------
    result : the type of what the function returns
    """

    def decorate(emit: Callable[..., Any]) -> Any:
        def definition(_context: Any, *arguments: types.Type) -> Any:
            def generate(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
                operands = [_operand(context, builder, *pair) for pair in zip(signature.args, values, strict=True)]
                emitted = emit(builder, *operands)
                return context.get_dummy_value() if result is types.void else emitted

            return result(*arguments), generate

        definition.__name__ = definition.__qualname__ = emit.__name__
        definition.__doc__ = emit.__doc__
        # The builder's place is the typing context's; numba matches a call's arguments with the names that follow.
        definition.__signature__ = inspect.signature(emit)  # type: ignore[attr-defined]
        return intrinsic(definition)

    return decorate


def _operand(context: Any, builder: Builder, kind: types.Type, value: Any) -> Any:
    if isinstance(kind, types.Array):
        return context.make_array(kind)(context, builder, value).data
    if isinstance(kind, types.Integer):
        return context.cast(builder, value, kind, types.int64)
    if isinstance(kind, types.Float):
        return context.cast(builder, value, kind, types.float32)
    return value
