import numpy as np
import pytest

from auricle.kernels.framing import all_within, column_layout, lane_offsets
from auricle.kernels.simd import LANES


@pytest.mark.parametrize("n", [1, LANES - 1, LANES, 5 * LANES + 3])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0, -2.0])
def test_all_within_finds_one_sample_at_any_position(n: int, bad: float) -> None:
    assert all_within(np.linspace(-1.9, 1.9, n, dtype=np.float32), 2.0)
    for place in range(n):
        samples = np.zeros(n, np.float32)
        samples[place] = bad
        assert not all_within(samples, 2.0)


@pytest.mark.parametrize(("n_fft", "hop"), [(2048, 512), (512, 160), (64, 1), (8, 8), (512, 700)])
def test_lane_offsets_match_the_column_layout(n_fft: int, hop: int) -> None:
    step, width = column_layout(n_fft, hop)
    interleaved = np.full(step * width, -1)
    for column in range(width):
        interleaved[np.arange(step) * width + column] = column * hop + np.arange(step)
    for i, place in enumerate(lane_offsets(n_fft, hop)):
        assert np.array_equal(interleaved[place : place + LANES], np.arange(LANES) * hop + i)
