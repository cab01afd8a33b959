"""The fused multiply-add: one rounding on every processor, so that a sound has the same features on all of them.

Left to the compiler, a product and a sum are rounded once where the processor has an instruction for both and twice
where it has none, and what hangs on the last bits (where a pure tone's other bins lie, say) differs by far more than
they do.
"""

from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core.cgutils import get_or_insert_function
from numba.core.registry import cpu_target

from auricle.kernels.simd import Builder

__all__ = ["emit_multiply_add"]

_PROBE = """
define float @probe(float %a, float %b, float %c) {
  %result = call float @llvm.fma.f32(float %a, float %b, float %c)
  ret float %result
}
declare float @llvm.fma.f32(float, float, float)
"""


def emit_multiply_add(builder: Builder, a: Any, b: Any, c: Any) -> Any:
    """Emit ``a * b + c``, rounded once, of 32-bit floats or of vectors of them."""
    if not _is_instruction():
        return _emulated(builder, a, b, c)
    suffix = f"v{a.type.count}f32" if isinstance(a.type, ir.VectorType) else "f32"
    kind = ir.FunctionType(a.type, [a.type] * 3)
    function = get_or_insert_function(builder.module, kind, f"llvm.fma.{suffix}")  # type: ignore[no-untyped-call]
    return builder.call(function, [a, b, c])


@cache
def _is_instruction() -> bool:
    """Return whether the processor that numba compiles for has the instruction, and needs no library for it."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=name, features=features)
    return "fmaf" not in machine.emit_assembly(llvm.parse_assembly(_PROBE))


def _emulated(builder: Builder, a: Any, b: Any, c: Any) -> Any:
    """Emit the same in double precision, which holds every product of two floats.

    The sum is rounded to odd: its last bit says whether anything was left out, so that rounding it once more, to a
    float, gives what one rounding would have given.

    Source: Boldo and Melquiond, Emulation of FMA and correctly rounded sums (2008); Knuth's exact sum of two numbers.
    """
    doubles, integers = _like(a.type, ir.DoubleType()), _like(a.type, ir.IntType(64))
    zero = ir.Constant(doubles, None)
    a, b, c = (builder.fpext(value, doubles) for value in (a, b, c))
    product = builder.fmul(a, b)
    total = builder.fadd(product, c)
    of_c = builder.fsub(total, product)
    left = builder.fadd(builder.fsub(product, builder.fsub(total, of_c)), builder.fsub(c, of_c))
    is_inexact = builder.fcmp_ordered("!=", left, zero)
    is_beyond = builder.xor(builder.fcmp_ordered("<", left, zero), builder.fcmp_ordered("<", total, zero))
    towards_zero = builder.sub(
        builder.bitcast(total, integers), builder.zext(builder.and_(is_inexact, is_beyond), integers)
    )
    odd = builder.or_(towards_zero, builder.zext(is_inexact, integers))
    return builder.fptrunc(builder.bitcast(odd, doubles), _like(a.type, ir.FloatType()))


def _like(kind: Any, element: Any) -> Any:
    """Return a type of as many elements as another has."""
    return ir.VectorType(element, kind.count) if isinstance(kind, ir.VectorType) else element
