"""The watch and a retraining on PostgreSQL: the same loop as on SQLite, and of two watches one checks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.lifecycle.challenger import Challenger
from auricle.lifecycle.retrain import RetrainConfig, Retrained, retrain
from auricle.lifecycle.watch import Watch, WatchConfig
from auricle.monitoring.verdict import ONCE
from auricle.prediction.predictor import Predictor
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store


@pytest.fixture
def on_postgresql(
    postgresql_database: str, champion: Predictor, logged: tuple[Any, ...], add: Callable[[Store, Bundle], str]
) -> Iterator[Store]:
    with Store.open(postgresql_database) as store:
        add(store, champion.bundle)
        with store.writer() as writer:
            for future in [writer.submit(one.entry, sound=one.flac) for one in logged]:
                future.result()
        list(store.feedback.add_all(FeedbackEntry(one.entry.id, label=one.label, key=one.key) for one in logged))
        yield store


def test_watch_and_retraining_on_postgresql(
    on_postgresql: Store, pumps: Dataset, first_retraining: tuple[Retrained, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Challenger, "train", lambda *_, **__: first_retraining[1])
    store = on_postgresql
    watch = Watch(
        store, WatchConfig(persistence=ONCE), retrain=lambda name: retrain(store, pumps, RetrainConfig(name=name))
    )
    (found,) = watch.run_once()
    assert found.check.verdict.state == "alarm"
    assert found.retrained is not None
    assert found.retrained.outcome == "promoted"
    assert store.models.champion().id == first_retraining[1].id
    (kept,) = store.checks.latest()
    assert kept.verdict == "alarm"
    (decision,) = store.decisions.latest("pumps")
    assert decision.outcome == "promoted"
    (then,) = watch.run_once()
    assert then.check.model == first_retraining[1].id
