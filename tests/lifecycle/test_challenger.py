"""Challenger: weights of its training data by age."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.synthesis import machines
from auricle.datasets.times import made_at
from auricle.errors import DataError
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


def prepared(store: Store, data: Dataset, hold_out: Dataset | None = None) -> Challenger:
    model = store.models.champion()
    return Challenger.prepare(
        store, model, data, families=None, half_life_days=90.0, seed=0, workers=None, hold_out=hold_out
    )


def unseen(machines_of: Dataset, split: str | None) -> tuple[Example, ...]:
    """Return recordings that the champion was not trained on, of groups of their own."""
    return tuple(replace(e, group=f"new {e.group}", split=split) for e in machines_of.examples)


def test_recordings_whose_split_is_test_are_a_frozen_hold_out(
    store: Store, pumps: Dataset, other_pumps: Dataset
) -> None:
    data = replace(pumps, examples=(*pumps.examples, *unseen(other_pumps, "Test")))
    made = prepared(store, data)
    assert made.frozen is not None
    assert len(made.frozen) == len(other_pumps)
    assert len(made.data) == len(made.hashes) == len(pumps)
    assert made.counts["frozen_hold_out"] == len(other_pumps)
    assert prepared(store, replace(pumps, examples=(*pumps.examples, *unseen(other_pumps, "train")))).frozen is None


def test_what_the_champion_was_trained_on_is_no_frozen_hold_out(store: Store, pumps: Dataset) -> None:
    marked = tuple(replace(e, split="test" if i < 20 else "train") for i, e in enumerate(pumps.examples))
    made = prepared(store, replace(pumps, examples=marked))
    assert made.frozen is None
    assert len(made.data) == len(pumps)


def test_a_hold_out_that_was_named_decides(store: Store, pumps: Dataset, other_pumps: Dataset, champion) -> None:
    hold_out = replace(other_pumps, examples=unseen(other_pumps, None))
    made = prepared(store, pumps, hold_out)
    found = made.compare(champion.bundle, (), workers=1)
    assert found.scores[0].is_frozen
    assert found.scores[0].n_recordings == len(hold_out)
    with pytest.raises(DataError, match=r"no recording of a hold-out may be in training\. 5 of 5 are in"):
        prepared(store, pumps, pumps.subset(np.arange(5)))


@pytest.fixture(scope="module")
def other_pumps(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    table = machines(tmp_path_factory.mktemp("other"), n=16, seed=9, rate_hz=8000, duration_s=0.3, n_machines=4)
    return Dataset.load(table, label="label", group="machine")
