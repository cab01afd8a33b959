import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.errors import ModelError
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.cnn.settings import Epoch


class InterruptionError(Exception):
    """Interrupts a training."""


def test_progress_is_called_after_every_epoch(images: Any, quick: dict[str, Any]) -> None:
    epochs: list[Epoch] = []
    X, y, _ = images(40)
    CnnClassifier(**quick | {"epochs": 3}, validation=0.25, progress=epochs.append).fit(X, y)
    assert [(epoch.number, epoch.of) for epoch in epochs] == [(1, 3), (2, 3), (3, 3)]
    assert all(epoch.score is not None and 0 <= epoch.score <= 1 for epoch in epochs)
    assert epochs[-1].loss < epochs[0].loss


def test_without_validation_there_is_no_score(images: Any, quick: dict[str, Any]) -> None:
    epochs: list[Epoch] = []
    X, _, place = images(24)
    CnnRegressor(**quick | {"epochs": 2}, progress=epochs.append).fit(X, place)
    assert [epoch.score for epoch in epochs] == [None, None]


@pytest.mark.usefixtures("every_epoch")
def test_interrupted_training_resumes_to_the_same_network(images: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    X, y, _ = images(32)
    whole = CnnClassifier(**quick | {"epochs": 5}, validation=0.25).fit(X, y)
    epochs: list[int] = []

    def interrupt(epoch: Epoch) -> None:
        epochs.append(epoch.number)
        if len(epochs) == 2:
            raise InterruptionError

    settings = quick | {"epochs": 5, "validation": 0.25, "checkpoints": tmp_path}
    with pytest.raises(InterruptionError):
        CnnClassifier(**settings, progress=interrupt).fit(X, y)
    resumed = CnnClassifier(**settings, progress=interrupt).fit(X, y)
    assert epochs == [1, 2, 3, 4, 5]
    assert np.array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    again = CnnClassifier(**settings, progress=interrupt).fit(X, y)
    assert epochs == [1, 2, 3, 4, 5]  # a finished network is not trained again
    assert np.array_equal(again.predict_proba(X), whole.predict_proba(X))


@pytest.mark.usefixtures("every_epoch")
def test_checkpoint_of_other_data_is_ignored(images: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    X, y, _ = images(32)
    settings = quick | {"epochs": 2, "checkpoints": tmp_path}

    def interrupt(_epoch: Epoch) -> None:
        raise InterruptionError

    with pytest.raises(InterruptionError):
        CnnClassifier(**settings, progress=interrupt).fit(X, y)
    epochs: list[int] = []
    CnnClassifier(**settings, progress=lambda epoch: epochs.append(epoch.number)).fit(X + 1, y)
    assert epochs == [1, 2]


@pytest.mark.usefixtures("every_epoch")
def test_damaged_checkpoint_restarts_the_training(images: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    X, y, _ = images(32)
    settings = quick | {"epochs": 2, "checkpoints": tmp_path}

    def interrupt(_epoch: Epoch) -> None:
        raise InterruptionError

    with pytest.raises(InterruptionError):
        CnnClassifier(**settings, progress=interrupt).fit(X, y)
    (checkpoint,) = tmp_path.iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    epochs: list[int] = []
    CnnClassifier(**settings, progress=lambda epoch: epochs.append(epoch.number)).fit(X, y)
    assert epochs == [1, 2]


def test_stops_early_and_keeps_the_best(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from auricle.models.cnn import training

    scores = iter([0.5, 0.9, 0.8, 0.7, 0.6])
    monkeypatch.setattr(training._Run, "_score", lambda *_: next(scores))
    epochs: list[Epoch] = []
    X, y, _ = images(32)
    stopped = CnnClassifier(**quick | {"epochs": 20}, validation=0.25, patience=2, progress=epochs.append).fit(X, y)
    assert [epoch.score for epoch in epochs] == [0.5, 0.9, 0.8, 0.7]
    assert np.isfinite(stopped.predict_proba(X)).all()


def test_non_finite_loss_keeps_the_best_epoch(
    images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from auricle.models.cnn import training

    train_epoch = training._Run._train_epoch
    monkeypatch.setattr(training._Run, "_train_epoch", lambda run: float("nan") if run.epoch == 2 else train_epoch(run))
    epochs: list[int] = []
    X, y, _ = images(32)
    with pytest.warns(training.CnnWarning, match="became nan in epoch 3: training stopped with the weights of epoch 2"):
        model = CnnClassifier(**quick, progress=lambda epoch: epochs.append(epoch.number)).fit(X, y)
    assert epochs == [1, 2]
    assert np.isfinite(model.predict_proba(X)).all()


def test_non_finite_loss_in_epoch_one_is_an_error(
    images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from auricle.models.cnn import training

    monkeypatch.setattr(training._Run, "_train_epoch", lambda _run: float("inf"))
    X, y, _ = images(32)
    with pytest.raises(ModelError, match="It is inf in the first epoch"):
        CnnClassifier(**quick).fit(X, y)


def test_batches_are_halved_until_memory_suffices(
    images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from auricle.models.cnn import training

    train_epoch = training._Run._train_epoch

    def small(run: Any) -> float:
        if run.settings.batch > 8:
            raise torch.cuda.OutOfMemoryError("no room")
        return train_epoch(run)

    monkeypatch.setattr(training._Run, "_train_epoch", small)
    X, y, _ = images(32)
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        model = CnnClassifier(**quick | {"batch": 32, "epochs": 2}).fit(X, y)
    assert [str(warning.message).partition(":")[2] for warning in log] == [
        " restarting with 16.",
        " restarting with 8.",
    ]
    assert np.isfinite(model.predict_proba(X)).all()


def test_too_little_memory_is_an_error(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from auricle.models.cnn import training

    def none(_run: Any) -> float:
        raise torch.cuda.OutOfMemoryError("no room")

    monkeypatch.setattr(training._Run, "_train_epoch", none)
    X, y, _ = images(32)
    with pytest.raises(ModelError, match="must hold 4 images"), pytest.warns(training.CnnWarning):
        CnnClassifier(**quick).fit(X, y)
