"""The compiled measures against a NumPy reference."""

import math

import numpy as np
import pytest
from scipy import fft

from auricle.audio.clip import Samples
from auricle.audio.spectral_quality import spectral_measures

FLOOR = np.float32(1e-12)


def reference_measures(samples: Samples, rate_hz: int) -> tuple[float, float, float]:
    samples = samples - np.float32(samples.mean(dtype=np.float64))
    size = min(1 << max(1, math.ceil(math.log2(0.032 * rate_hz))), samples.size)
    frames = samples[: samples.size // size * size].reshape(-1, size)
    powers = np.abs(fft.rfft(frames * np.hanning(size + 2)[1:-1].astype(np.float32), axis=1)) ** 2
    bins = powers.sum(axis=0)
    if bins.max() <= FLOOR * size:
        return 0.0, 0.0, 0.0
    top = int(np.flatnonzero(bins >= bins.max() * 1e-6)[-1])
    n_bands = bins.size // 8
    if n_bands < 3:
        return top * rate_hz / size, 0.0, 0.0
    mean_db = 10 * np.log10(np.maximum(bins[: n_bands * 8].reshape(-1, 8).sum(axis=1) / bins.max(), FLOOR))
    bands = powers[:, : n_bands * 8].reshape(-1, n_bands, 8).sum(axis=2)
    loudness = bands.sum(axis=1)
    loud = bands[loudness >= loudness.max() * 1e-3, : max(2, top // 8)]
    steps_db = np.diff(10 * np.log10(np.maximum(loud / loud.max(), FLOOR)), axis=1)
    holes = np.count_nonzero(np.abs(steps_db) > 30) / steps_db.size
    return top * rate_hz / size, max(0.0, float((mean_db[:-2] - mean_db[2:]).max())), holes


@pytest.mark.parametrize("rate_hz", [10, 50, 1000, 8000, 16_000, 22_050, 44_100, 192_000])
@pytest.mark.parametrize("kind", ["noise", "low", "half", "silence", "offset"])
def test_measures_equal_the_numpy_reference(kind: str, rate_hz: int, rng: np.random.Generator) -> None:
    wrong = {}
    for n in (1, 7, 8, 130, 512, 4097, 40_000):
        noise = 0.1 * rng.standard_normal(n)
        made = {
            "noise": noise,
            "low": np.cumsum(noise) / 30,
            "half": np.where(np.arange(n) < n // 2, 0.0, noise),
            "silence": np.zeros(n),
            "offset": noise * 1e-3 + 0.3,
        }[kind]
        samples = made.astype(np.float32)
        found = spectral_measures(samples, rate_hz, dc=float(samples.mean(dtype=np.float64)))
        bandwidth_hz, cutoff_db, holes = reference_measures(samples, rate_hz)
        expected = pytest.approx(bandwidth_hz), pytest.approx(cutoff_db, abs=0.01), pytest.approx(holes, abs=1e-3)
        if found != expected:
            wrong[n] = found, expected
    assert wrong == {}
