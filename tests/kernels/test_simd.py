import numba
import numpy as np
import pytest

from auricle.kernels import bands, simd
from auricle.kernels.simd import LANES


@numba.njit
def both(left, right, result):
    a, b = simd.load(left, 0), simd.load(right, 0)
    simd.store(result, 0, a + b)
    simd.store(result, 1 * LANES, a - b)
    simd.store(result, 2 * LANES, a * b)
    simd.store(result, 3 * LANES, a / b)
    simd.store(result, 4 * LANES, simd.minimum(a, b))
    simd.store(result, 5 * LANES, simd.maximum(a, b))
    simd.store(result, 6 * LANES, simd.below(a, b))


def test_lanes_are_computed_side_by_side(rng: np.random.Generator) -> None:
    left, right = rng.standard_normal((2, LANES)).astype(np.float32)
    result = np.empty(7 * LANES, np.float32)
    both(left, right, result)
    expected = [
        *(left + right, left - right, left * right, left / right),
        *(np.minimum(left, right), np.maximum(left, right), left < right),
    ]
    assert np.array_equal(result.reshape(7, LANES), np.array(expected, np.float32))


@numba.njit
def alone(values, result):
    for i in range(0, len(values), LANES):
        value = simd.load(values, i)
        simd.store(result, i, simd.square_root(value))
        simd.store(result, len(values) + i, simd.mantissa(value) * simd.splat(1.0))
        simd.store(result, 2 * len(values) + i, simd.exponent(value))
        simd.store(result, 3 * len(values) + i, bands.log2(value))


def test_numbers_are_taken_apart_and_their_logarithm_is_close() -> None:
    values = np.geomspace(1.2e-38, 3e38, 100 * LANES).astype(np.float32)
    result = np.empty(4 * values.size, np.float32)
    alone(values, result)
    root, mantissa, exponent, logarithm = result.reshape(4, -1)
    assert np.array_equal(root, np.sqrt(values))
    assert np.array_equal(mantissa * np.exp2(exponent.astype(float)), values)
    assert np.all((mantissa >= 1) & (mantissa < 2))
    exact = np.log2(values.astype(float))
    assert np.abs(logarithm - exact).max() <= 2e-7 + 2.0**-24 * np.abs(exact).max()


@numba.njit
def turn(source, step, target, target_step):
    simd.transpose(source, 3, step, target, 1, target_step)


@pytest.mark.parametrize(("step", "target_step"), [(LANES, LANES), (LANES + 5, LANES + 1)])
def test_a_square_is_transposed(step: int, target_step: int, rng: np.random.Generator) -> None:
    source = rng.standard_normal(3 + step * LANES).astype(np.float32)
    target = np.zeros(1 + target_step * LANES, np.float32)
    turn(source, step, target, target_step)
    square = np.stack([source[3 + row * step :][:LANES] for row in range(LANES)])
    turned = np.stack([target[1 + row * target_step :][:LANES] for row in range(LANES)])
    assert np.array_equal(turned, square.T)


@numba.njit
def spread(number, result):
    simd.store(result, 0, simd.splat(number))
    return simd.extract(simd.load(result, 0), LANES - 1)


@pytest.mark.parametrize("number", [3, 2.5, np.float32(0.1), -7])
def test_any_number_fills_all_lanes(number: float) -> None:
    result = np.zeros(LANES, np.float32)
    assert spread(number, result) == np.float32(number)
    assert np.array_equal(result, np.full(LANES, np.float32(number)))
