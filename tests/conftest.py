"""What every test may use: a seeded generator, and the real recordings where they are at hand."""

from pathlib import Path

import numpy as np
import pytest

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_240_229)


@pytest.fixture(scope="session")
def recordings_dir() -> Path:
    if not RECORDINGS.is_dir():
        pytest.skip("the real recordings are not beside this checkout")
    return RECORDINGS
