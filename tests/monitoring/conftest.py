"""Fixtures: random samples of three classes with nearly constant audio quality, which tests shift."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.sources.sample import Sample

CLASSES = ("cat", "cow", "dog")
COLUMNS = tuple(f"mfcc{i:02d}_mean" for i in range(6))
USUAL = {"level_db": -20.0, "peak_db": -6.0, "noise_floor_db": -60.0, "snr_db": 40.0, "bandwidth_hz": 7000.0}
USUAL |= {"cutoff_db": 20.0, "hum_db": 5.0, "attack_db": 30.0, "decay_db": 20.0}
SPREADS = {"dc": 1e-4, "bandwidth_hz": 300.0, "clipped": 0.0, "silent": 0.0, "holes": 0.001, "flat_topped": 0.001}
SPREADS |= {"dropouts": 0.0}

MakeSample = Callable[..., Sample]


@pytest.fixture
def make_sample() -> MakeSample:
    """Return a maker of samples: of a size and seed, with measures shifted, and arrays replaced."""

    def make(n: int, seed: int = 0, *, shifted: dict[str, float] | None = None, **arrays: Any) -> Sample:
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, len(CLASSES), n)
        logits = rng.normal(size=(n, len(CLASSES)))
        logits[np.arange(n), truth] += 2.5
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        quality = np.stack(
            [
                USUAL.get(name, 0.0) + SPREADS.get(name, 3.0) * rng.normal(size=n) + (shifted or {}).get(name, 0.0)
                for name in QUALITY_COLUMNS
            ],
            axis=1,
        )
        novelty = rng.random(n).astype(np.float32)
        made: dict[str, Any] = {
            "ids": np.array([f"{seed}-{i}" for i in range(n)]),
            "times": np.full(n, np.datetime64("NaT", "us")),
            "groups": np.array([f"{seed}-{i}" for i in range(n)]),
            "rows": rng.normal(size=(n, len(COLUMNS))).astype(np.float32),
            "quality": quality.astype(np.float32),
            "outputs": probabilities.astype(np.float32),
            "novelty": novelty,
            "unknown": novelty > 0.98,
            "rates_hz": np.full(n, 16_000),
            "truth": np.array(CLASSES)[truth],
            "label_times": np.full(n, np.datetime64("NaT", "us")),
        }
        return Sample("animals@0123456789ab", CLASSES, COLUMNS, **(made | arrays))

    return make


@pytest.fixture
def unlabelled() -> Callable[[Sample], Sample]:
    """Return a function that removes the labels of a sample."""
    from dataclasses import replace

    return lambda sample: replace(sample, truth=np.full(len(sample), ""))
