import numba
import numpy as np
import pytest

from auricle.kernels.fourier import fourier_plan, power_spectrum, split_frames
from auricle.kernels.frames import aligned
from auricle.kernels.framing import lane_offsets
from auricle.kernels.simd import LANES


@numba.njit
def transform(interleaved, offsets, window, plan, real, complex_, power):
    split_frames(interleaved, offsets, window, plan, real, complex_)
    power_spectrum(real, complex_, plan, power)


@pytest.mark.parametrize("n_fft", [1 << exponent for exponent in range(3, 15)])
def test_the_power_of_each_lane_equals_numpy(n_fft: int, rng: np.random.Generator) -> None:
    frames = rng.standard_normal((LANES, n_fft)).astype(np.float32)
    window = rng.standard_normal(n_fft).astype(np.float32)
    power = aligned((n_fft // 2 + 1) * LANES)
    interleaved = np.ascontiguousarray(frames.T).ravel()  # frames that share nothing: one column each
    work = aligned(n_fft * LANES), aligned(n_fft * LANES)
    transform(interleaved, lane_offsets(n_fft, n_fft), window, fourier_plan(n_fft), *work, power)
    expected = np.abs(np.fft.rfft(frames.astype(float) * window, axis=1)) ** 2
    assert np.abs(power.reshape(-1, LANES).T - expected).max() <= 1e-6 * expected.max()


@pytest.mark.parametrize("n_fft", [8, 64, 2048, 8192])
def test_every_bin_is_written_once(n_fft: int) -> None:
    bins = fourier_plan(n_fft).bins
    assert sorted(bins) == list(range(1, n_fft // 2))
