"""Challenger: weights of its training data by age."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset
from auricle.datasets.times import made_at
from auricle.lifecycle import challenger
from auricle.lifecycle.challenger import Challenger
from auricle.prediction.predictor import Predictor
from auricle.store.store import Store


def test_weights_depend_on_age_in_every_time_format(
    store: Store, pumps: Dataset, champion: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_at(champion.bundle.manifest.created)
    old = made - np.timedelta64(90, "D")
    seconds = (old - np.datetime64(0, "us")) / np.timedelta64(1, "s")
    times = (None, "who knows", f"{made}", f"{old}+00:00", f"{seconds:.6f}")
    examples = tuple(replace(e, time=time) for e, time in zip(pumps.examples, times, strict=False))
    config: list[Dataset] = []

    def train(data: Dataset, **_: Any) -> SimpleNamespace:
        config.append(data)
        return SimpleNamespace(bundle=champion.bundle)

    monkeypatch.setattr(challenger, "train", train)
    data = replace(pumps, examples=examples)
    made_of = Challenger.prepare(
        store, store.models.champion(), data, families=None, half_life_days=90.0, seed=0, workers=None
    )
    made_of.train(())
    weights = [example.weight for example in config[0].examples]
    assert weights == pytest.approx([1.0, 1.0, 1.0, 0.5, 0.5])
