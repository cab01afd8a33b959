"""Images that a tiny network learns in seconds: a bright bar, low or high, that rises or stays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

SHAPE = (16, 24)

Made = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def images() -> Callable[..., Made]:
    """Flat images in dB, labels, and where the bar lies."""

    def make(n: int, seed: int = 0) -> Made:
        rng = np.random.default_rng(seed)
        X = rng.normal(-60, 3, (n, *SHAPE)).astype(np.float32)
        y = np.arange(n) % 2
        band = np.where(y == 0, rng.integers(1, 6, n), rng.integers(9, 14, n))
        for image, at in zip(X, band, strict=True):
            start = rng.integers(0, 12)
            image[at : at + 2, start : start + 10] += 50
        return X.reshape(n, -1), np.array(["low", "high"])[y], band.astype(float)

    return make


@pytest.fixture(scope="session")
def quick() -> dict[str, Any]:
    """Settings of a network that learns these images in a second."""
    from auricle.models.cnn.settings import Augmentation

    mild = Augmentation(warp=0.05, transpose=0.0, stretch=0.1, mixup=0.0)
    return {
        "shape": SHAPE,
        "size": "tiny",
        "epochs": 8,
        "batch": 8,
        "averaging": 0.8,
        "augmentation": mild,
        "device": "cpu",
    }


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """On several threads the same seed may give other bits."""
    torch = pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")
    torch.set_num_threads(1)


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every epoch be kept."""
    from auricle.models.cnn import training

    monkeypatch.setattr(training, "KEPT_EVERY_S", 0.0)
