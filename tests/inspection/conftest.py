"""Synthetic sound with fingerprints, and measures of recordings without sound."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from auricle.audio.clip import Clip
from auricle.inspection.fingerprints import FRAME, Fingerprint
from auricle.inspection.scan import Recording
from auricle.records import Quality


@pytest.fixture
def chatter() -> Callable[..., Clip]:
    """Make sound that changes as speech and machines do: bursts of gliding tones and of coloured noise."""

    def make(seed: int, length_s: float, *, rate_hz: int = 16_000) -> Clip:
        rng = np.random.default_rng(seed)
        samples = 1e-3 * rng.standard_normal(round(length_s * rate_hz))
        for start_s in np.arange(0, length_s, 0.1):
            burst = 0.2 * _burst(rng, rate_hz)
            start = round((start_s + rng.uniform(0, 0.1)) * rate_hz)
            n = min(burst.size, samples.size - start)
            samples[start : start + max(0, n)] += burst[: max(0, n)]
        return Clip(0.2 * samples / np.abs(samples).max(), rate_hz, source=f"chatter {seed}")

    return make


def _burst(rng: np.random.Generator, rate_hz: int) -> NDArray[np.float64]:
    length_s = rng.uniform(0.1, 0.4)
    time_s = np.arange(round(length_s * rate_hz)) / rate_hz
    phase = 2 * np.pi * (rng.uniform(100, 1500) * time_s + rng.uniform(-500, 500) * time_s**2)
    tone = rng.uniform(0.1, 1) * np.sin(phase + 3 * np.sin(phase / 2))
    noise = rng.uniform(0.01, 0.1) * np.convolve(rng.standard_normal(time_s.size), rng.standard_normal(16), "same")
    burst: NDArray[np.float64] = np.hanning(time_s.size) * (tone + noise)
    return burst


@pytest.fixture
def recording() -> Callable[..., Recording]:
    """Make the measures of a recording without sound; each is different."""
    numbers = itertools.count()

    def make(
        row: Sequence[float] = (0.0,),
        *,
        duration_s: float = 1.0,
        rate_hz: int = 16_000,
        channels: int = 1,
        **measures: float,
    ) -> Recording:
        usual = {"level_db": -20.0, "peak_db": -6.0, "dc": 0.0, "clipped": 0.0, "silent": 0.0}
        usual |= {"noise_floor_db": -60.0, "snr_db": 40.0, "bandwidth_hz": 8000.0, "cutoff_db": 12.0, "holes": 0.0}
        usual |= {"hum_db": 4.0, "flat_topped": 0.0, "dropouts": 0.0, "attack_db": 20.0, "decay_db": 10.0}
        digest = next(numbers).to_bytes(32)
        fingerprint = Fingerprint(digest, np.zeros(0, FRAME))
        quality = Quality(**(usual | measures))
        return Recording(fingerprint, quality, np.array(row, np.float32), duration_s, rate_hz, channels)

    return make


@pytest.fixture
def sounds(tmp_path: Path, chatter: Callable[..., Clip]) -> Path:
    """Twelve recordings of each of two classes; one of them a quieter copy of another."""
    for i in range(24):
        clip = chatter(i if i != 22 else 0, 1.0)
        file = tmp_path / "sounds" / "ab"[i % 2] / f"{i:02}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, clip.samples * (0.5 if i == 22 else 1), clip.rate_hz)
    return tmp_path / "sounds"
