import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numba import types

from auricle.kernels import bands, simd
from auricle.kernels.simd import LANES, instruction


@numba.njit
def all_operations(left, right, result):
    a, b = simd.load(left, 0), simd.load(right, 0)
    simd.store(result, 0, a + b)
    simd.store(result, 1 * LANES, a - b)
    simd.store(result, 2 * LANES, a * b)
    simd.store(result, 3 * LANES, a / b)
    simd.store(result, 4 * LANES, simd.minimum(a, b))
    simd.store(result, 5 * LANES, simd.maximum(a, b))
    simd.store(result, 6 * LANES, simd.below(a, b))


def test_operations_per_lane(rng: np.random.Generator) -> None:
    left, right = rng.standard_normal((2, LANES)).astype(np.float32)
    result = np.empty(7 * LANES, np.float32)
    all_operations(left, right, result)
    expected = [
        *(left + right, left - right, left * right, left / right),
        *(np.minimum(left, right), np.maximum(left, right), left < right),
    ]
    assert np.array_equal(result.reshape(7, LANES), np.array(expected, np.float32))


@numba.njit
def decompose(values, result):
    for i in range(0, len(values), LANES):
        value = simd.load(values, i)
        simd.store(result, i, simd.square_root(value))
        simd.store(result, len(values) + i, simd.mantissa(value) * simd.splat(1.0))
        simd.store(result, 2 * len(values) + i, simd.exponent(value))
        simd.store(result, 3 * len(values) + i, bands.log2(value))


def test_mantissa_exponent_and_logarithm() -> None:
    values = np.geomspace(1.2e-38, 3e38, 100 * LANES).astype(np.float32)
    result = np.empty(4 * values.size, np.float32)
    decompose(values, result)
    root, mantissa, exponent, logarithm = result.reshape(4, -1)
    assert np.array_equal(root, np.sqrt(values))
    assert np.array_equal(mantissa * np.exp2(exponent.astype(float)), values)
    assert np.all((mantissa >= 1) & (mantissa < 2))
    exact = np.log2(values.astype(float))
    assert np.abs(logarithm - exact).max() <= 2e-7 + 2.0**-24 * np.abs(exact).max()


@numba.njit
def transposed(source, step, target, target_step):
    simd.transpose(source, 3, step, target, 1, target_step)


@pytest.mark.parametrize(("step", "target_step"), [(LANES, LANES), (LANES + 5, LANES + 1)])
def test_transpose(step: int, target_step: int, rng: np.random.Generator) -> None:
    source = rng.standard_normal(3 + step * LANES).astype(np.float32)
    target = np.zeros(1 + target_step * LANES, np.float32)
    transposed(source, step, target, target_step)
    square = np.stack([source[3 + row * step :][:LANES] for row in range(LANES)])
    result = np.stack([target[1 + row * target_step :][:LANES] for row in range(LANES)])
    assert np.array_equal(result, square.T)


@numba.njit
def splat_and_extract(number, result):
    simd.store(result, 0, simd.splat(number))
    return simd.extract(simd.load(result, 0), LANES - 1)


@pytest.mark.parametrize("number", [3, 2.5, np.float32(0.1), -7])
def test_splat_of_any_number(number: float) -> None:
    result = np.zeros(LANES, np.float32)
    assert splat_and_extract(number, result) == np.float32(number)
    assert np.array_equal(result, np.full(LANES, np.float32(number)))


@instruction(simd.lanes)
def emulated(builder, left, right, total):
    """What processors without the instruction do."""
    return simd._emulated_multiply_add(builder, left, right, total)


@instruction(types.float32)
def emulated_one(builder, left, right, total):
    """The same of single numbers."""
    return simd._emulated_multiply_add(builder, left, right, total)


@numba.njit
def fused_and_emulated(left, right, total, result, single):
    a, b, c = simd.load(left, 0), simd.load(right, 0), simd.load(total, 0)
    simd.store(result, 0, simd.multiply_add(a, b, c))
    simd.store(result, LANES, emulated(a, b, c))
    for i in range(LANES):
        single[i] = simd.multiply_add_one(left[i], right[i], total[i])
        single[LANES + i] = emulated_one(left[i], right[i], total[i])


def fused(left: np.ndarray, right: np.ndarray, total: np.ndarray) -> list[np.ndarray]:
    result, single = np.empty(2 * LANES, np.float32), np.empty(2 * LANES, np.float32)
    fused_and_emulated(left, right, total, result, single)
    return [result[:LANES], result[LANES:], single[:LANES], single[LANES:]]


numbers = arrays(np.float32, LANES, elements=st.floats(-(2.0**100), 2.0**100, width=32))


@given(numbers, numbers, numbers)
def test_emulated_multiply_add_equals_the_instruction(left: np.ndarray, right: np.ndarray, total: np.ndarray) -> None:
    first, *others = (found.view(np.uint32) for found in fused(left, right, total))
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("sign", [1, -1])
def test_multiply_add_rounds_once(sign: int, rng: np.random.Generator) -> None:
    """Half a last place but for a 2^46th: in double precision the sum lies between two floats, and half go astray."""
    left = np.full(LANES, sign * 2.0**-12 * (1 + 2.0**-23), np.float32)
    right = np.full(LANES, 2.0**-12 * (1 - 2.0**-23), np.float32)
    total = (1 + 2.0**-23 * rng.integers(1, 2**22, LANES)).astype(np.float32)
    assert not np.array_equal((left.astype(float) * right + total).astype(np.float32), total)
    for found in fused(left, right, total):
        assert np.array_equal(found, total)
