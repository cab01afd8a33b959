"""Sounds to predict, and a model that records its input rows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.clip import Samples
from auricle.prediction.predictor import Predictor


class RecordingGraph:
    """Graph that records its input rows."""

    def __init__(self, model: Predictor) -> None:
        self._graph = model.graph
        self.output = model.graph.output
        self.rows: list[np.ndarray] = []

    def predict(self, rows: np.ndarray) -> np.ndarray:
        assert len(rows) == 1, "the last bits of a matrix product depend on the number of rows"
        self.rows += list(rows)
        return self._graph.predict(rows)


@pytest.fixture(scope="session")
def record_rows() -> Callable[[Predictor], tuple[Predictor, list[np.ndarray]]]:
    """Return a copy of a model, and the list of its input rows, which grows with every window."""

    def make(model: Predictor) -> tuple[Predictor, list[np.ndarray]]:
        graph = RecordingGraph(model)
        return Predictor(replace(model.loaded, graph=graph)), graph.rows

    return make


def motor(seconds: float, rate_hz: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Return a hum with noise, different in each channel: float64, shape (n, channels)."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(seed)
    hums = [np.sin(2 * np.pi * 30 * (2 + channel) * time_s) for channel in range(channels)]
    return 0.2 * np.stack(hums, axis=1) + 0.05 * rng.standard_normal((time_s.size, channels))


@pytest.fixture(scope="session")
def hum() -> Callable[..., Samples]:
    """Make one channel of sound, float32, shape (n,)."""
    return lambda seconds=0.5, rate_hz=8000, seed=0: motor(seconds, rate_hz, seed=seed)[:, 0].astype(np.float32)


FILES = {
    "wav-8000": ("wav", 8000, 1, "PCM_16"),
    "wav-8000-stereo": ("wav", 8000, 2, "PCM_24"),
    "wav-44100": ("wav", 44_100, 1, "PCM_16"),
    "wav-44100-stereo": ("wav", 44_100, 2, "FLOAT"),
    "flac-48000-stereo": ("flac", 48_000, 2, "PCM_16"),
    "ogg-11025": ("ogg", 11_025, 1, "VORBIS"),
    "aiff-6000": ("aiff", 6000, 1, "PCM_16"),
}


@pytest.fixture(scope="session")
def sound_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """0.47 s of sound as files of several formats, rates and channels; each is three windows."""
    folder = tmp_path_factory.mktemp("sounds")
    made = {}
    for name, (suffix, rate_hz, channels, subtype) in FILES.items():
        made[name] = folder / f"{name}.{suffix}"
        soundfile.write(made[name], motor(0.47, rate_hz, channels), rate_hz, subtype=subtype)
    return made


@pytest.fixture(params=list(FILES))
def sound_file(request: pytest.FixtureRequest, sound_files: dict[str, Path]) -> Path:
    return sound_files[request.param]
