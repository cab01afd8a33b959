"""Train networks on one thread; write a checkpoint after every epoch."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """On several threads the same seed may give other bits."""
    torch = pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")
    torch.set_num_threads(1)


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a checkpoint after every epoch."""
    from auricle.models.cnn import training

    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL_S", 0.0)
