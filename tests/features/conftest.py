"""Sounds that every feature is compared with librosa on: noise, tones, chirps, speech-like sound and silence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
from numpy.typing import NDArray

from auricle.features.spec import FeatureSpec

Sounds = dict[str, NDArray[np.float32]]
Check = Callable[[NDArray[np.float32], FeatureSpec], None]

SECONDS = 1

SPECS = {
    "22 kHz": FeatureSpec(),
    "16 kHz": FeatureSpec(rate_hz=16_000, n_fft=512, hop=160, n_mels=80),
    "8 kHz": FeatureSpec(rate_hz=8000, n_fft=256, hop=64, n_mels=32),
    "48 kHz": FeatureSpec(rate_hz=48_000, n_fft=4096, hop=1000),
    "400 points, HTK": FeatureSpec(
        rate_hz=16_000, n_fft=400, hop=160, n_mels=40, mel_scale="htk", fmin_hz=50, fmax_hz=7600
    ),
    "gaps between frames": FeatureSpec(rate_hz=16_000, n_fft=512, hop=700, n_mels=40),
}


@pytest.fixture(params=list(SPECS))
def spec(request: pytest.FixtureRequest) -> FeatureSpec:
    return SPECS[request.param]


def make_sounds(rate_hz: int) -> Sounds:
    rng = np.random.default_rng(20_240_229)
    time_s = np.arange(SECONDS * rate_hz) / rate_hz
    white = 0.1 * rng.standard_normal(time_s.size)
    brown = np.cumsum(rng.standard_normal(time_s.size)) * 1e-3
    sounds = {
        "white noise": white,
        "brown noise": brown - brown.mean(),
        "quiet noise": 1e-3 * white,
        "tone": 0.5 * np.sin(2 * np.pi * 440 * time_s),
        "chord": sum(0.2 * np.sin(2 * np.pi * hz * time_s) for hz in (100, 523.25, 1000.5, 3000)),
        "chirp": 0.5 * scipy.signal.chirp(time_s, 50, SECONDS, 0.45 * rate_hz, method="logarithmic"),
        "speech-like": voice(time_s, rate_hz) + 1e-3 * rng.standard_normal(time_s.size),
        "silence": np.zeros(time_s.size),
        "silence, then noise": np.where(time_s < SECONDS / 2, 0.0, white),
    }
    return {name: np.asarray(samples, np.float32) for name, samples in sounds.items()}


def voice(time_s: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """A buzz whose pitch wavers, through three formants, in syllables."""
    pitch_hz = 120 * (1 + 0.1 * np.sin(2 * np.pi * 3 * time_s))
    sound = scipy.signal.sawtooth(2 * np.pi * np.cumsum(pitch_hz) / rate_hz)
    for formant_hz, width_hz in ((700, 80), (1200, 90), (2600, 120)):
        radius = np.exp(-np.pi * width_hz / rate_hz)
        poles = [1, -2 * radius * np.cos(2 * np.pi * formant_hz / rate_hz), radius**2]
        sound = scipy.signal.lfilter([1 - radius], poles, sound)
    sound *= 0.55 + 0.45 * np.sign(np.sin(2 * np.pi * 2.5 * time_s))
    return 0.8 * sound / np.abs(sound).max()


@pytest.fixture(scope="session")
def sounds() -> Callable[[int], Sounds]:
    """Return named sounds at a rate; made once for each."""
    made: dict[int, Sounds] = {}

    def at(rate_hz: int) -> Sounds:
        if rate_hz not in made:
            made[rate_hz] = make_sounds(rate_hz)
        return made[rate_hz]

    return at


@pytest.fixture
def on_every_sound(spec: FeatureSpec, sounds: Callable[[int], Sounds]) -> Callable[[Check], None]:
    """Check every sound at the rate of ``spec``, and list those that fail."""

    def run(check: Check) -> None:
        wrong = {}
        for name, sound in sounds(spec.rate_hz).items():
            try:
                check(sound, spec)
            except AssertionError as error:
                wrong[name] = str(error)
        assert wrong == {}

    return run


@pytest.fixture
def recordings(recordings_dir: Path) -> list[tuple[NDArray[np.float32], FeatureSpec]]:
    """A few real recordings, each with a spec of its rate."""
    files = sorted(recordings_dir.glob("esc10/clips/*"))[::40] + sorted(recordings_dir.glob("commands/clips/*"))[::180]
    loaded = []
    for file in files:
        samples, rate_hz = soundfile.read(file, dtype="float32")
        n_fft = 2048 if rate_hz > 20_000 else 512
        loaded.append((samples[:rate_hz], FeatureSpec(rate_hz=rate_hz, n_fft=n_fft, hop=n_fft // 4, n_mels=40)))
    assert loaded
    return loaded
