"""Outputs of one pass equal those computed alone, and each is cached under its own key."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from auricle.audio.decode import Sound
from auricle.audio.windows import Window
from auricle.datasets.dataset import Example
from auricle.datasets.feature_table import windows_of
from auricle.datasets.one_pass import Arrays, QualityMeter, WindowGrid, run_pass
from auricle.errors import AudioError, AuricleError, FeatureError
from auricle.features.cache import FeatureCache, key_of
from auricle.features.pipeline import FeaturePipeline
from auricle.features.spec import FeatureSpec

SPEC = FeatureSpec(rate_hz=8000, n_fft=256, hop=64, n_mels=20, window_s=0.5)
GRIDS = (None, WindowGrid.of(SPEC), WindowGrid(16_000, 4000, 3000), WindowGrid(44_100, None, 1))


class Windows:
    """All windows of a grid, concatenated; or an error at the first."""

    def __init__(self, grid: WindowGrid | None, error: AuricleError | None = None) -> None:
        self.grid, self._error, self.n_started = grid, error, 0

    def key(self, example: Example, digest: bytes) -> bytes:
        return key_of(digest, f"{example.start_s}", str(self.grid))

    def start(self, sound: Sound, digest: np.ndarray, meter: QualityMeter) -> "Windows":  # noqa: ARG002
        self.n_started += 1
        self._windows: list[Window] = []
        return self

    def push(self, window: Window) -> None:
        if self._error is not None:
            raise self._error
        self._windows.append(window)

    def arrays(self) -> Arrays:
        return {
            "samples": np.concatenate([window.samples for window in self._windows]),
            "starts": np.array([window.start_samples for window in self._windows]),
        }


@pytest.fixture
def example(tmp_path: Path, rng: np.random.Generator) -> Example:
    soundfile.write(tmp_path / "a.wav", 0.1 * rng.standard_normal((100_000, 2)), 44_100, subtype="FLOAT")
    return Example(tmp_path / "a.wav", "a", None, "a", start_s=0.3, end_s=2.1)


def equal(one: Any, other: Any) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one.keys() | other.keys())


def test_outputs_of_one_pass_equal_those_of_separate_passes(example: Example) -> None:
    together = run_pass(example, [Windows(grid) for grid in GRIDS])
    for grid, found in zip(GRIDS, together, strict=True):
        assert equal(found, run_pass(example, [Windows(grid)])[0])


def test_windows_equal_those_of_training_and_prediction(example: Example) -> None:
    (found,) = run_pass(example, [Windows(WindowGrid.of(SPEC))])
    windows = windows_of(example, FeaturePipeline(SPEC))
    assert isinstance(found, dict)
    assert found["starts"].tolist() == [window.start_samples for window in windows]
    np.testing.assert_array_equal(found["samples"], np.concatenate([window.samples for window in windows]))


def test_error_of_one_output_leaves_the_others(example: Example) -> None:
    failing = Windows(WindowGrid.of(SPEC), FeatureError("A window must be longer."))
    error, found = run_pass(example, [failing, Windows(WindowGrid.of(SPEC))])
    assert str(error) == f"{example.file}: A window must be longer."
    assert equal(found, run_pass(example, [Windows(WindowGrid.of(SPEC))])[0])


def test_only_outputs_missing_from_the_cache_are_computed(example: Example, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "cache")
    failing = Windows(GRIDS[2], FeatureError("A window must be longer."))
    first, error = run_pass(example, [Windows(None), failing], cache)
    kept, computed, anew = Windows(None), Windows(GRIDS[1]), Windows(GRIDS[2])
    found = run_pass(example, [kept, computed, anew], cache)
    assert [one.n_started for one in (kept, computed, anew)] == [0, 1, 1], "an error is not cached"
    assert isinstance(error, FeatureError)
    assert equal(found[0], first)


@pytest.mark.parametrize("content", [None, b"not sound, and long enough to be read as such"])
def test_unreadable_sound_gives_an_error_for_every_output(example: Example, content: bytes | None) -> None:
    example.file.unlink()
    if content is not None:
        example.file.write_bytes(content)
    found = run_pass(example, [Windows(None), Windows(GRIDS[1])])
    assert [type(one) for one in found] == [AudioError, AudioError]


def test_sound_shorter_than_one_sample_after_resampling_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(1, 0.1), 48_000)
    (error,) = run_pass(Example(tmp_path / "a.wav", "a", None, "a"), [Windows(WindowGrid(8000, 100, 100))])
    assert "must be at least one sample long at 8000 Hz" in str(error)


def test_quality_of_a_window_is_measured_once(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    meter, samples = QualityMeter(8000), rng.standard_normal(4000).astype(np.float32)
    first = meter.measure(Window(samples, 0, 8000))
    monkeypatch.setattr("auricle.audio.quality.measure", lambda *_: pytest.fail("measured again"))
    assert meter.measure(Window(samples, 0, 8000)) is first
