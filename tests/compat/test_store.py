"""A store of an earlier version opens, migrates, and holds the same entries, labels, models and keys."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from auricle.bundles.bundle import Bundle
from auricle.prediction.predictor import Predictor
from auricle.store.predictions.filters import Filter
from auricle.store.store import Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with closing(Store.open(store_url, create=False)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("models", "list"), "models"),
        (("models", "show", "forest"), "model"),
        (("keys", "list"), "keys"),
        (("feedback", "export"), "feedback"),
    ],
)
def test_commands_print_the_same_for_an_old_store(
    command: tuple[str, ...], name: str, auricle: Callable[..., Any], store_url: str, expected: dict[str, Any]
) -> None:
    ran = auricle(*command, "--store", store_url, "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == expected["store"][name]


def test_old_entries_are_read_completely(store: Store, expected: dict[str, Any]) -> None:
    kept = expected["store"]["entries"]
    assert {entry.id for entry in store.entries().entries} == {one["id"] for one in kept}
    for one in kept:
        entry = store.entry(one["id"])
        assert (entry.time.isoformat(), entry.source, dict(entry.metadata)) == (
            one["time"],
            one["source"],
            one["metadata"],
        )
        assert json.loads(json.dumps([prediction.as_json() for prediction in entry.predictions])) == one["predictions"]
        assert hashlib.sha256(entry.standard.tobytes() + entry.rows.tobytes()).hexdigest() == one["arrays"]


def test_old_labels_are_found(store: Store, expected: dict[str, Any]) -> None:
    labels = {row["id"]: row["label"] for row in expected["store"]["feedback"]["feedback"]}
    assert {entry.id for entry in store.entries(Filter(labelled=True)).entries} == labels.keys()
    assert {entry: entries[-1].label for entry, entries in store.feedback.of(list(labels)).items()} == labels


def test_an_old_check_is_read(store: Store, expected: dict[str, Any]) -> None:
    assert [[one.id, one.verdict, dict(one.body)] for one in store.checks.latest()] == expected["store"]["check"]


def test_an_old_key_is_valid_unless_revoked(store: Store, expected: dict[str, Any]) -> None:
    valid, revoked = expected["store"]["tokens"]
    key = store.keys.verify(valid)
    assert key is not None
    assert key.scopes == {"predict", "read"}
    assert store.keys.verify(revoked) is None
    assert store.keys.verify(valid[:-1]) is None


def test_the_old_champion_loads_and_predicts_as_its_file(store: Store, data: Path, sounds: Path) -> None:
    champion = store.models.find("forest@champion")
    content = store.models.content(champion.digest)
    assert content == (data / "forest.auricle").read_bytes()
    model = Predictor(Bundle.from_bytes(content))
    assert model.name == champion.id
    for entry in store.entries().entries:  # the prediction at the time
        assert model.predict(sounds / entry.source).label == entry.recording.label


def test_an_old_store_can_be_written(store: Store, store_url: str, auricle: Callable[..., Any], data: Path) -> None:
    before = len(store.entries().entries)
    bundle = data / "forest.auricle"
    assert auricle("models", "add", bundle, "--why", "again", "--store", store_url).code == 0
    token, _ = store.keys.create({"read"}, name="new")
    assert store.keys.verify(token) is not None
    store.delete(store.entries().entries[0].id, who="ann")
    assert len(store.entries().entries) == before - 1
