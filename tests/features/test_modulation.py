import numpy as np
import pytest

from auricle.features.modulation import modulation_depth, modulation_spectrum
from auricle.features.spec import FeatureSpec

SPEC = FeatureSpec(rate_hz=16_000, n_fft=512, hop=160, n_mels=20, features=("modulation",))


@pytest.mark.parametrize("seconds", [1.0, 4.0])
@pytest.mark.parametrize(("hz", "octave"), [(3.0, 1), (6.0, 2), (12.0, 3), (24.0, 4)])
def test_levels_that_swing_are_found_in_their_octave(hz: float, octave: int, seconds: float) -> None:
    time_s = np.arange(0, seconds, SPEC.hop / SPEC.rate_hz)
    levels_db = np.tile(10 * np.sin(2 * np.pi * hz * time_s), (2, 1)).astype(np.float32)
    found = modulation_depth(levels_db, slice(0, time_s.size), SPEC)
    assert found.shape == (2, 6)
    assert np.argmax(found[0]) == octave
    assert found[0, octave] == pytest.approx(10 / np.sqrt(2), rel=0.1)


def test_a_steady_sound_does_not_swing() -> None:
    assert modulation_spectrum(np.zeros(16_000), SPEC).max() == 0
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    assert modulation_spectrum(tone, SPEC)[7].max() < 0.1


@pytest.mark.parametrize("n_frames", [1, 2, 3, 50])
def test_short_windows_have_finite_numbers(n_frames: int, rng: np.random.Generator) -> None:
    sound = rng.standard_normal(SPEC.n_fft + (n_frames - 1) * SPEC.hop)
    assert np.isfinite(modulation_spectrum(sound, SPEC)).all()
