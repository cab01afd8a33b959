"""SIMD arithmetic for numba: the type `Lanes` (16 floats) and its LLVM instructions, fused multiply-add included."""

import inspect
import operator
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import llvmlite.binding as llvm
import numba.core.cgutils
import numba.core.imputils
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model, type_callable
from numpy.typing import NDArray

__all__ = [
    "FLOATS",
    "LANES",
    "Builder",
    "Floats",
    "Integers",
    "Lanes",
    "below",
    "constant",
    "element",
    "emit_multiply_add",
    "exponent",
    "extract",
    "index",
    "instruction",
    "load",
    "mantissa",
    "maximum",
    "minimum",
    "multiply_add",
    "multiply_add_one",
    "splat",
    "square_root",
    "store",
    "transpose",
]


Builder = Any
"""llvmlite's IRBuilder."""


def index(number: int) -> Any:
    """Return a constant array index."""
    return ir.Constant(ir.IntType(64), number)


def element(builder: Builder, data: Any, place: Any, content: Any) -> Any:
    """Emit the address of an array's element, to be read or written as ``content``."""
    return builder.bitcast(builder.gep(data, [place], inbounds=True), ir.PointerType(content))


def instruction(result: types.Type) -> Callable[[Callable[..., Any]], Any]:
    """Turn a function that emits LLVM instructions into one that kernels can call.

    The emitting function gets a builder and one LLVM value for each argument: arrays as the address of their first
    element (they must be contiguous), integers as 64 bits, other numbers as 32-bit floats, lanes unchanged.
    Bounds are not checked.

    Parameters
    ----------
    result : numba type
        Return type of the function.
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
        # numba passes the typing context where the builder stands, and matches arguments with the names after it.
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


LANES = 16
FLOATS = ir.VectorType(ir.FloatType(), LANES)
INTEGERS = ir.VectorType(ir.IntType(32), LANES)
UNDEFINED = ir.Constant(FLOATS, ir.Undefined)

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Lanes: TypeAlias = Any
"""The value type of kernels; it exists only inside numba."""


_cgutils: Any = numba.core.cgutils  # numba has no types for these
_lower: Any = numba.core.imputils.lower_builtin


class LanesType(types.Type):
    """The numba type of lanes."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


lanes = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: LanesType) -> None:
        super().__init__(manager, kind, FLOATS)  # type: ignore[no-untyped-call]


def _define_operator(symbol: Callable[..., Any], name: str) -> None:
    @type_callable(symbol)
    def typed(_context: Any) -> Callable[..., Any]:
        def result(left: types.Type, right: types.Type) -> types.Type | None:
            return lanes if left is lanes and right is lanes else None

        return result

    @_lower(symbol, LanesType, LanesType)  # type: ignore[untyped-decorator]
    def lowered(_context: Any, builder: Builder, _signature: Any, values: Any) -> Any:
        return getattr(builder, name)(*values)


@type_callable(operator.neg)
def _negative(_context: Any) -> Callable[..., Any]:
    return lambda value: lanes if value is lanes else None


@_lower(operator.neg, LanesType)  # type: ignore[untyped-decorator]
def _negated(_context: Any, builder: Builder, _signature: Any, values: Any) -> Any:
    return builder.fneg(*values)


_define_operator(operator.add, "fadd")
_define_operator(operator.iadd, "fadd")
_define_operator(operator.sub, "fsub")
_define_operator(operator.mul, "fmul")
_define_operator(operator.imul, "fmul")
_define_operator(operator.truediv, "fdiv")


def constant(number: float) -> Any:
    """Return a constant in all lanes."""
    return ir.Constant(FLOATS, [number] * LANES)


def _bits(number: int) -> Any:
    return ir.Constant(INTEGERS, [number] * LANES)


_PROBE = """
define float @probe(float %a, float %b, float %c) {
  %result = call float @llvm.fma.f32(float %a, float %b, float %c)
  ret float %result
}
declare float @llvm.fma.f32(float, float, float)
"""


def emit_multiply_add(builder: Builder, a: Any, b: Any, c: Any) -> Any:
    """Emit ``a * b + c``, rounded once, of 32-bit floats or of vectors of them.

    The compiler alone would round once on processors with an FMA instruction and twice on others, and values that
    depend on the last bits (such as where the noise bins of a pure tone lie) would differ by much more.
    """
    if not _has_fma():
        return _emulated_multiply_add(builder, a, b, c)
    suffix = f"v{a.type.count}f32" if isinstance(a.type, ir.VectorType) else "f32"
    kind = ir.FunctionType(a.type, [a.type] * 3)
    function = _cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.{suffix}")
    return builder.call(function, [a, b, c])


@cache
def _has_fma() -> bool:
    """Return whether the target processor has an FMA instruction, so that no library call is needed."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=name, features=features)
    return "fmaf" not in machine.emit_assembly(llvm.parse_assembly(_PROBE))


def _emulated_multiply_add(builder: Builder, a: Any, b: Any, c: Any) -> Any:
    """Emit the same in double precision, which holds every product of two floats exactly.

    The sum is rounded to odd: its last bit records whether it is inexact, so that the second rounding, to a float,
    gives the bits of a single rounding.

    Source: Boldo and Melquiond, Emulation of FMA and correctly rounded sums (2008); Knuth's exact sum of two numbers.
    """
    doubles, integers = _like(a.type, ir.DoubleType()), _like(a.type, ir.IntType(64))
    zero = ir.Constant(doubles, None)
    a, b, c = (builder.fpext(value, doubles) for value in (a, b, c))
    product = builder.fmul(a, b)
    total = builder.fadd(product, c)
    rounded_c = builder.fsub(total, product)
    error = builder.fadd(builder.fsub(product, builder.fsub(total, rounded_c)), builder.fsub(c, rounded_c))
    is_inexact = builder.fcmp_ordered("!=", error, zero)
    is_too_large = builder.xor(builder.fcmp_ordered("<", error, zero), builder.fcmp_ordered("<", total, zero))
    towards_zero = builder.sub(
        builder.bitcast(total, integers), builder.zext(builder.and_(is_inexact, is_too_large), integers)
    )
    odd = builder.or_(towards_zero, builder.zext(is_inexact, integers))
    return builder.fptrunc(builder.bitcast(odd, doubles), _like(a.type, ir.FloatType()))


def _like(kind: Any, element: Any) -> Any:
    """Return the type of ``element`` with as many elements as ``kind``."""
    return ir.VectorType(element, kind.count) if isinstance(kind, ir.VectorType) else element


@instruction(lanes)
def load(builder: Builder, array: Any, at: Any) -> Any:
    """Return ``array[at : at + LANES]``, aligned or not."""
    return builder.load(element(builder, array, at, FLOATS), align=4)


@instruction(types.void)
def store(builder: Builder, array: Any, at: Any, value: Any) -> None:
    """Write lanes to ``array[at : at + LANES]``."""
    builder.store(value, element(builder, array, at, FLOATS), align=4)


@instruction(lanes)
def splat(builder: Builder, number: Any) -> Any:
    """Return one number in all lanes."""
    if number.type != ir.FloatType():  # a whole number
        number = builder.sitofp(number, ir.FloatType())
    first = builder.insert_element(UNDEFINED, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, UNDEFINED, _bits(0))


@instruction(types.float32)
def extract(builder: Builder, value: Any, lane: Any) -> Any:
    """Return the number in one lane."""
    return builder.extract_element(value, lane)


@instruction(lanes)
def minimum(builder: Builder, left: Any, right: Any) -> Any:
    """Return the smaller of two in each lane."""
    return builder.select(builder.fcmp_ordered("<", left, right), left, right)


@instruction(lanes)
def maximum(builder: Builder, left: Any, right: Any) -> Any:
    """Return the larger of two in each lane."""
    return builder.select(builder.fcmp_ordered(">", left, right), left, right)


@instruction(lanes)
def below(builder: Builder, left: Any, right: Any) -> Any:
    """Return 1 in the lanes where ``left < right``, else 0."""
    return builder.select(builder.fcmp_ordered("<", left, right), constant(1.0), constant(0.0))


@instruction(lanes)
def multiply_add(builder: Builder, left: Any, right: Any, total: Any) -> Any:
    """Return ``left * right + total`` in each lane, rounded once."""
    return emit_multiply_add(builder, left, right, total)


@instruction(types.float32)
def multiply_add_one(builder: Builder, left: Any, right: Any, total: Any) -> Any:
    """Return ``left * right + total`` of single numbers, rounded once."""
    return emit_multiply_add(builder, left, right, total)


@instruction(lanes)
def square_root(builder: Builder, value: Any) -> Any:
    """Return the square root of each lane."""
    kind = ir.FunctionType(FLOATS, [FLOATS])
    return builder.call(_cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{LANES}f32"), [value])


@instruction(lanes)
def mantissa(builder: Builder, value: Any) -> Any:
    """Return the mantissa, in [1, 2), of each positive lane."""
    fraction = builder.and_(builder.bitcast(value, INTEGERS), _bits(0x007FFFFF))
    return builder.bitcast(builder.or_(fraction, _bits(0x3F800000)), FLOATS)


@instruction(lanes)
def exponent(builder: Builder, value: Any) -> Any:
    """Return the binary exponent that belongs to `mantissa`."""
    biased = builder.lshr(builder.bitcast(value, INTEGERS), _bits(23))
    return builder.sitofp(builder.sub(biased, _bits(127)), FLOATS)


@instruction(types.void)
def transpose(builder: Builder, source: Any, start: Any, step: Any, target: Any, at: Any, target_step: Any) -> None:
    """Write the transpose of a LANES by LANES square; rows are ``step`` apart in source, ``target_step`` in target."""
    rows = []
    for row in range(LANES):
        place = builder.add(start, builder.mul(step, index(row)))
        rows.append(builder.load(element(builder, source, place, FLOATS), align=4))
    half = 1
    while half < LANES:
        rows = _exchange(builder, rows, half)
        half *= 2
    for row, content in enumerate(rows):
        place = builder.add(at, builder.mul(target_step, index(row)))
        builder.store(content, element(builder, target, place, FLOATS), align=4)


def _exchange(builder: Builder, rows: list[Any], half: int) -> list[Any]:
    """Emit one step of a transposition: swap the off-diagonal quarters of each square of ``2 * half`` numbers."""
    upper = [lane if lane & half == 0 else LANES + lane - half for lane in range(LANES)]
    lower = [lane + half if lane & half == 0 else LANES + lane for lane in range(LANES)]
    swapped = list(rows)
    for row in range(LANES):
        if row & half == 0:
            swapped[row] = builder.shuffle_vector(rows[row], rows[row + half], ir.Constant(INTEGERS, upper))
            swapped[row + half] = builder.shuffle_vector(rows[row], rows[row + half], ir.Constant(INTEGERS, lower))
    return swapped
