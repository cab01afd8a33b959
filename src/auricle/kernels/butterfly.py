"""Butterflies of the fast Fourier transform: complex transforms of 1, 2, 4 or 8 points in SIMD registers."""

import math
from typing import Any

from llvmlite import ir
from numba import types

from auricle.kernels.simd import (
    FLOATS,
    LANES,
    UNDEFINED,
    Builder,
    constant,
    element,
    emit_multiply_add,
    index,
    instruction,
)

__all__ = ["COMPLEX", "butterfly4", "butterfly8", "power1", "power2", "power4", "power8"]

COMPLEX = 2 * LANES
"""Floats per complex value in memory: the real parts of all lanes, then the imaginary parts."""

Pair = tuple[Any, Any]


class _ComplexArithmetic:
    """Emits complex arithmetic on lanes."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def add(self, a: Pair, b: Pair) -> Pair:
        return self.plus(a[0], b[0]), self.plus(a[1], b[1])

    def subtract(self, a: Pair, b: Pair) -> Pair:
        return self.minus(a[0], b[0]), self.minus(a[1], b[1])

    def multiply(self, a: Pair, b: Pair) -> Pair:
        real = self.multiply_add(a[0], b[0], self.builder.fneg(self.times(a[1], b[1])))
        return real, self.multiply_add(a[1], b[0], self.times(a[0], b[1]))

    def power(self, a: Pair) -> Any:
        return self.multiply_add(a[0], a[0], self.times(a[1], a[1]))

    def rotate(self, a: Pair, eighths: int) -> Pair:
        """Emit ``a`` times exp(-2πi · eighths / 8), for 0 to 3 eighths."""
        if eighths == 0:
            return a
        if eighths == 2:
            return a[1], self.builder.fneg(a[0])
        half = constant(math.sqrt(0.5))
        total, change = self.times(self.plus(*a), half), self.times(self.minus(a[1], a[0]), half)
        return (total, change) if eighths == 1 else (change, self.builder.fneg(total))

    def transform(self, points: list[Pair]) -> list[Pair]:
        """Emit the discrete Fourier transform of 1, 2, 4 or 8 points, in natural order."""
        if len(points) == 1:
            return points
        half = len(points) // 2
        sums = [self.add(points[i], points[i + half]) for i in range(half)]
        rest = [self.rotate(self.subtract(points[i], points[i + half]), 8 // len(points) * i) for i in range(half)]
        even, odd = self.transform(sums), self.transform(rest)
        return [point for pair in zip(even, odd, strict=True) for point in pair]

    def plus(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b)

    def minus(self, a: Any, b: Any) -> Any:
        return self.builder.fsub(a, b)

    def times(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        return emit_multiply_add(self.builder, a, b, c)


def _load(builder: Builder, array: Any, at: Any) -> Pair:
    imaginary = builder.add(at, index(LANES))
    components = [builder.load(element(builder, array, address, FLOATS), align=4) for address in (at, imaginary)]
    return components[0], components[1]


def _store(builder: Builder, array: Any, at: Any, value: Pair) -> None:
    for address, component in zip((at, builder.add(at, index(LANES))), value, strict=True):
        builder.store(component, element(builder, array, address, FLOATS), align=4)


def _twiddle(builder: Builder, twiddles: Any, at: Any) -> Pair:
    """Emit a twiddle factor from the table, in all lanes."""
    components = []
    for component in (0, 1):
        number = builder.load(builder.gep(twiddles, [builder.add(at, index(component))], inbounds=True))
        first = builder.insert_element(UNDEFINED, number, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        components.append(builder.shuffle_vector(first, UNDEFINED, zeros))
    return components[0], components[1]


def _butterfly(radix: int) -> Any:
    @instruction(types.void)
    def butterfly(builder: Builder, values: Any, start: Any, step: Any, twiddles: Any, at: Any) -> None:
        """Transform the values at ``start``, ``start + step`` … in place, and multiply each by its twiddle factor."""
        arithmetic = _ComplexArithmetic(builder)
        addresses = [builder.add(start, builder.mul(step, index(k))) for k in range(radix)]
        points = arithmetic.transform([_load(builder, values, address) for address in addresses])
        _store(builder, values, addresses[0], points[0])
        for k in range(1, radix):
            twiddle = _twiddle(builder, twiddles, builder.add(at, index(2 * (k - 1))))
            _store(builder, values, addresses[k], arithmetic.multiply(points[k], twiddle))

    return butterfly


def _power(radix: int) -> Any:
    @instruction(types.void)
    def power(builder: Builder, values: Any, start: Any, powers: Any, bins: Any, at: Any) -> None:
        """Transform the values from ``start`` on, and write the power of each to its bin."""
        arithmetic = _ComplexArithmetic(builder)
        addresses = [builder.add(start, index(k * COMPLEX)) for k in range(radix)]
        for k, point in enumerate(arithmetic.transform([_load(builder, values, address) for address in addresses])):
            bin_ = builder.load(builder.gep(bins, [builder.add(at, index(k))], inbounds=True))
            target = element(builder, powers, builder.mul(bin_, index(LANES)), FLOATS)
            # The order of the squares, which decides the rounding, is the compiler's former choice: existing bundles
            # hold rows computed that way.
            is_quarter_turn = 8 * k // radix % 4 == 2
            builder.store(arithmetic.power(point[::-1] if is_quarter_turn else point), target, align=4)

    return power


butterfly4, butterfly8 = _butterfly(4), _butterfly(8)
power1, power2, power4, power8 = (
    _power(1),
    _power(2),
    _power(4),
    _power(8),
)
