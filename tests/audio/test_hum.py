import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.hum import MAINS_HZ, hum_db

RATES_HZ = (8000, 16_000, 22_050, 44_100, 48_000)


def mains(hz: float, rate_hz: int, seconds: float = 1.0) -> np.ndarray:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    tones = sum(np.sin(2 * np.pi * hz * k * time_s + k) / k for k in (1, 2, 3, 4))
    return (0.01 * tones).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("hz", MAINS_HZ)
def test_mains_in_noise(hz: float, rate_hz: int, rng: np.random.Generator) -> None:
    noise = (0.02 * rng.standard_normal(rate_hz)).astype(np.float32)
    assert hum_db(noise, rate_hz) < 9
    assert hum_db(noise + mains(hz, rate_hz), rate_hz) > 20


def test_hum_needs_two_harmonics(rng: np.random.Generator) -> None:
    time_s = np.arange(16_000) / 16_000
    noise = (0.02 * rng.standard_normal(16_000)).astype(np.float32)
    second = np.sin(2 * np.pi * 100 * time_s + 2).astype(np.float32)
    third = np.sin(2 * np.pi * 150 * time_s).astype(np.float32)
    assert hum_db(noise + mains(50.0, 16_000) - 0.005 * second, 16_000) > 15
    assert hum_db(noise + 0.1 * third, 16_000) < 9


def test_gliding_voice_is_not_hum(rng: np.random.Generator) -> None:
    time_s = np.arange(16_000) / 16_000
    pitch_hz = 90 + 40 * time_s
    phase = 2 * np.pi * np.cumsum(pitch_hz) / 16_000
    voice = sum(np.sin(k * phase) / k for k in range(1, 20)) + 0.01 * rng.standard_normal(16_000)
    assert hum_db((0.1 * voice).astype(np.float32), 16_000) < 9


@given(st.integers(1, 30_000), st.integers(1, 200_000))
def test_hum_is_finite_for_any_length_and_rate(n: int, rate_hz: int) -> None:
    samples = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    found = hum_db(samples, rate_hz)
    assert np.isfinite(found)
    assert found >= 0
    assert np.isfinite(hum_db(np.zeros(n, np.float32), rate_hz))
