import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.errors import ModelError
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.cnn.settings import Epoch


class KilledError(Exception):
    """Stands for a kill in the middle of a training."""


def test_progress_tells_every_epoch(images: Any, quick: dict[str, Any]) -> None:
    told: list[Epoch] = []
    X, y, _ = images(40)
    CnnClassifier(**quick | {"epochs": 3}, validation=0.25, progress=told.append).fit(X, y)
    assert [(epoch.number, epoch.of) for epoch in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(epoch.score is not None and 0 <= epoch.score <= 1 for epoch in told)
    assert told[-1].loss < told[0].loss


def test_without_validation_there_is_no_score(images: Any, quick: dict[str, Any]) -> None:
    told: list[Epoch] = []
    X, _, place = images(24)
    CnnRegressor(**quick | {"epochs": 2}, progress=told.append).fit(X, place)
    assert [epoch.score for epoch in told] == [None, None]


@pytest.mark.usefixtures("every_epoch")
def test_a_killed_training_goes_on_to_the_same_end(images: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    X, y, _ = images(32)
    whole = CnnClassifier(**quick | {"epochs": 5}, validation=0.25).fit(X, y)
    told: list[int] = []

    def dies(epoch: Epoch) -> None:
        told.append(epoch.number)
        if len(told) == 2:
            raise KilledError

    settings = quick | {"epochs": 5, "validation": 0.25, "checkpoints": tmp_path}
    with pytest.raises(KilledError):
        CnnClassifier(**settings, progress=dies).fit(X, y)
    resumed = CnnClassifier(**settings, progress=dies).fit(X, y)
    assert told == [1, 2, 3, 4, 5]
    assert np.array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    again = CnnClassifier(**settings, progress=dies).fit(X, y)
    assert told == [1, 2, 3, 4, 5]  # a finished network is not trained anew
    assert np.array_equal(again.predict_proba(X), whole.predict_proba(X))


@pytest.mark.usefixtures("every_epoch")
def test_a_checkpoint_of_other_data_is_not_taken(images: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    X, y, _ = images(32)
    settings = quick | {"epochs": 2, "checkpoints": tmp_path}

    def dies(_epoch: Epoch) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        CnnClassifier(**settings, progress=dies).fit(X, y)
    told: list[int] = []
    CnnClassifier(**settings, progress=lambda epoch: told.append(epoch.number)).fit(X + 1, y)
    assert told == [1, 2]


@pytest.mark.usefixtures("every_epoch")
def test_a_damaged_checkpoint_is_trained_anew(images: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    X, y, _ = images(32)
    settings = quick | {"epochs": 2, "checkpoints": tmp_path}

    def dies(_epoch: Epoch) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        CnnClassifier(**settings, progress=dies).fit(X, y)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    told: list[int] = []
    CnnClassifier(**settings, progress=lambda epoch: told.append(epoch.number)).fit(X, y)
    assert told == [1, 2]


def test_stops_early_and_keeps_the_best(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from auricle.models.cnn import training

    scores = iter([0.5, 0.9, 0.8, 0.7, 0.6])
    monkeypatch.setattr(training._Run, "_score", lambda *_: next(scores))
    told: list[Epoch] = []
    X, y, _ = images(32)
    stopped = CnnClassifier(**quick | {"epochs": 20}, validation=0.25, patience=2, progress=told.append).fit(X, y)
    assert [epoch.score for epoch in told] == [0.5, 0.9, 0.8, 0.7]
    assert np.isfinite(stopped.predict_proba(X)).all()


def test_a_loss_that_is_no_number_keeps_the_best_epoch(
    images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from auricle.models.cnn import training

    passes = training._Run._pass
    monkeypatch.setattr(training._Run, "_pass", lambda run: float("nan") if run.epoch == 2 else passes(run))
    told: list[int] = []
    X, y, _ = images(32)
    with pytest.warns(training.CnnWarning, match="became nan in epoch 3: training stopped, and epoch 2 is kept"):
        made = CnnClassifier(**quick, progress=lambda epoch: told.append(epoch.number)).fit(X, y)
    assert told == [1, 2]
    assert np.isfinite(made.predict_proba(X)).all()


def test_a_loss_that_never_was_a_number(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from auricle.models.cnn import training

    monkeypatch.setattr(training._Run, "_pass", lambda _run: float("inf"))
    X, y, _ = images(32)
    with pytest.raises(ModelError, match="It is inf in the first epoch"):
        CnnClassifier(**quick).fit(X, y)


def test_a_small_memory_takes_smaller_batches(
    images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from auricle.models.cnn import training

    passes = training._Run._pass

    def small(run: Any) -> float:
        if run.settings.batch > 8:
            raise torch.cuda.OutOfMemoryError("no room")
        return passes(run)

    monkeypatch.setattr(training._Run, "_pass", small)
    X, y, _ = images(32)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        made = CnnClassifier(**quick | {"batch": 32, "epochs": 2}).fit(X, y)
    assert [str(one.message).partition(":")[2] for one in said] == [" training anew with 16.", " training anew with 8."]
    assert np.isfinite(made.predict_proba(X)).all()


def test_no_memory_at_all(images: Any, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from auricle.models.cnn import training

    def none(_run: Any) -> float:
        raise torch.cuda.OutOfMemoryError("no room")

    monkeypatch.setattr(training._Run, "_pass", none)
    X, y, _ = images(32)
    with pytest.raises(ModelError, match="must hold 4 images"), pytest.warns(training.CnnWarning):
        CnnClassifier(**quick).fit(X, y)
