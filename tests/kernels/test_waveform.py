import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.kernels.waveform import block_powers, block_sums, count_beyond, mean_and_range


def sound(n: int, dc: float = 0.1) -> np.ndarray:
    return (np.random.default_rng(n).normal(dc, 0.2, n)).astype(np.float32)


@given(st.integers(1, 5000), st.sampled_from([0.0, 0.1, -0.7]))
def test_mean_and_range(n: int, dc: float) -> None:
    samples = sound(n, dc)
    mean, low, high = mean_and_range(samples)
    assert mean == pytest.approx(samples.mean(dtype=np.float64), abs=1e-7)
    assert (low, high) == (samples.min(), samples.max())


def test_mean_is_exact_under_a_large_offset() -> None:
    samples = np.full(1_000_003, 0.7, np.float32)
    samples[::2] += np.float32(1e-4)
    assert mean_and_range(samples)[0] == pytest.approx(samples.mean(dtype=np.float64), abs=1e-9)


@given(st.integers(1, 3000), st.integers(1, 400))
def test_block_powers(n: int, size: int) -> None:
    samples, size = sound(n), min(size, n)
    powers, centred = np.empty((2, n // size), np.float32)
    power = block_powers(samples, 0.1, size, powers, centred)
    blocks = samples[: n // size * size].reshape(-1, size).astype(float)
    np.testing.assert_allclose(powers, (blocks**2).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(centred, ((blocks - 0.1) ** 2).mean(axis=1), rtol=1e-4, atol=1e-9)
    assert power == pytest.approx(((samples.astype(float) - 0.1) ** 2).mean(), rel=1e-5)


@given(st.integers(1, 3000), st.integers(1, 400))
def test_block_sums(n: int, size: int) -> None:
    samples = sound(n)
    found = np.empty(-(-n // size), np.float32)
    block_sums(samples, 0.1, size, found)
    expected = [float((samples[start : start + size].astype(float) - 0.1).sum()) for start in range(0, n, size)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@given(st.integers(1, 3000), st.sampled_from([0.0, 0.2, 0.5]))
def test_count_beyond(n: int, top: float) -> None:
    samples = sound(n, 0.0)
    samples[:: max(1, n // 3)] = np.float32(-top)
    assert count_beyond(samples, top) == np.count_nonzero(np.abs(samples) >= np.float32(top))
