import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numba import types

from auricle.kernels import fma, simd
from auricle.kernels.simd import LANES, instruction


@instruction(simd.lanes)
def emulated(builder, left, right, total):
    """What processors without the instruction do."""
    return fma._emulated(builder, left, right, total)


@instruction(types.float32)
def emulated_one(builder, left, right, total):
    """The same of single numbers."""
    return fma._emulated(builder, left, right, total)


@numba.njit
def both(left, right, total, result, single):
    a, b, c = simd.load(left, 0), simd.load(right, 0), simd.load(total, 0)
    simd.store(result, 0, simd.multiply_add(a, b, c))
    simd.store(result, LANES, emulated(a, b, c))
    for i in range(LANES):
        single[i] = simd.multiply_add_one(left[i], right[i], total[i])
        single[LANES + i] = emulated_one(left[i], right[i], total[i])


def fused(left: np.ndarray, right: np.ndarray, total: np.ndarray) -> list[np.ndarray]:
    result, single = np.empty(2 * LANES, np.float32), np.empty(2 * LANES, np.float32)
    both(left, right, total, result, single)
    return [result[:LANES], result[LANES:], single[:LANES], single[LANES:]]


numbers = arrays(np.float32, LANES, elements=st.floats(-(2.0**100), 2.0**100, width=32))


@given(numbers, numbers, numbers)
def test_the_emulation_gives_the_instructions_bits(left: np.ndarray, right: np.ndarray, total: np.ndarray) -> None:
    first, *others = (found.view(np.uint32) for found in fused(left, right, total))
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_product_and_a_sum_are_rounded_once(sign: int, rng: np.random.Generator) -> None:
    """Half a last place but for a 2^46th: in double precision the sum lies between two floats, and half go astray."""
    left = np.full(LANES, sign * 2.0**-12 * (1 + 2.0**-23), np.float32)
    right = np.full(LANES, 2.0**-12 * (1 - 2.0**-23), np.float32)
    total = (1 + 2.0**-23 * rng.integers(1, 2**22, LANES)).astype(np.float32)
    assert not np.array_equal((left.astype(float) * right + total).astype(np.float32), total)
    for found in fused(left, right, total):
        assert np.array_equal(found, total)
