import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from auricle.kernels.statistics import order_statistics


def reference(values: np.ndarray, first: int, stop: int, ranks: np.ndarray) -> np.ndarray:
    return np.sort(values[:, first:stop], axis=1)[:, ranks].T


def computed(values: np.ndarray, first: int, stop: int, ranks: np.ndarray) -> np.ndarray:
    found = np.empty((len(ranks), len(values)), np.float32)
    order_statistics(values, first, stop, ranks, found)
    return found


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
few = st.sampled_from([-1.5, 0.0, 1e-45, 1.0, 3e38, -3e38])


@given(
    values=arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=60), elements=finite | few), data=st.data()
)
@example(values=np.array([[3e38, -3e38, 0, 1]], np.float32), data=None)
@example(values=np.array([[1e-45, 0, 0, 0]], np.float32), data=None)
@example(values=np.full((2, 40), 7, np.float32), data=None)
def test_order_statistics_equal_a_sort(values: np.ndarray, data: st.DataObject | None) -> None:
    n = values.shape[1]
    first = data.draw(st.integers(0, n - 1)) if data else 0
    ranks = np.unique(np.array([0, (n - first) // 3, (n - first) // 2, n - first - 1]))
    assert np.array_equal(computed(values, first, n, ranks), reference(values, first, n, ranks))


@pytest.mark.parametrize("n_frames", [300, 5000])
def test_order_statistics_of_many_frames(rng: np.random.Generator, n_frames: int) -> None:
    """Among them rows with one number that is far from all others, which share a bucket."""
    values = rng.standard_normal((20, n_frames)).astype(np.float32)
    values[10:] = np.exp(4 * values[10:])
    values[15:, 7] = 1e30
    ranks = np.array([0, n_frames // 20, n_frames // 20 + 1, n_frames // 2, n_frames - 1])
    assert np.array_equal(computed(values, 0, n_frames, ranks), reference(values, 0, n_frames, ranks))
