"""Attribution: occlusion maps of a network, for the most confident recordings of different classes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset
from auricle.models.cnn.estimator import CnnClassifier
from auricle.models.table import MODELS
from auricle.reports.html import Picture
from auricle.training.attribution import N_SHOWN, attribution
from auricle.training.train import train

pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")


def test_the_most_confident_recordings_of_different_classes_are_shown(
    machine_sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick: dict[str, Any] = {"size": "tiny", "epochs": 1, "averaging": 0.5}
    family = replace(MODELS["cnn"], classifier=lambda seed: CnnClassifier((64, 128), seed=seed, **quick))
    monkeypatch.setitem(MODELS, "cnn", family)
    monkeypatch.setattr("auricle.training.attribution.explain_image", lambda _, image: np.zeros_like(image))
    dataset = Dataset.load(machine_sounds, label="label", group="machine")
    result = train(dataset, models="cnn", window_s=0.2)
    _, *pictures = attribution(result)
    assert len(pictures) == N_SHOWN
    names = [picture.alt.removeprefix("occlusion map of ") for picture in pictures if isinstance(picture, Picture)]
    label_of = {example.file.name: example.label for example in dataset.examples}
    assert len({label_of[name] for name in names}) == N_SHOWN
