"""A store that an earlier version wrote: it opens, migrates, and says what it said."""

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
    ("command", "what"),
    [
        (("models", "list"), "models"),
        (("models", "show", "forest"), "model"),
        (("keys", "list"), "keys"),
        (("feedback", "export"), "feedback"),
    ],
)
def test_the_commands_print_of_a_kept_store_what_they_printed(
    command: tuple[str, ...], what: str, auricle: Callable[..., Any], store_url: str, expected: dict[str, Any]
) -> None:
    ran = auricle(*command, "--store", store_url, "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == expected["store"][what]


def test_kept_entries_are_read_whole(store: Store, expected: dict[str, Any]) -> None:
    kept = expected["store"]["entries"]
    assert {entry.id for entry in store.entries().entries} == {one["id"] for one in kept}
    for one in kept:
        entry = store.entry(one["id"])
        assert (entry.time.isoformat(), entry.source, dict(entry.metadata)) == (
            one["time"],
            one["source"],
            one["metadata"],
        )
        assert json.loads(json.dumps([answer.as_json() for answer in entry.predictions])) == one["predictions"]
        assert hashlib.sha256(entry.standard.tobytes() + entry.rows.tobytes()).hexdigest() == one["arrays"]


def test_kept_labels_are_found(store: Store, expected: dict[str, Any]) -> None:
    labels = {row["id"]: row["label"] for row in expected["store"]["feedback"]["feedback"]}
    assert {entry.id for entry in store.entries(Filter(labelled=True)).entries} == labels.keys()
    assert {entry: said[-1].label for entry, said in store.feedback.of(list(labels)).items()} == labels


def test_a_kept_check_is_read(store: Store, expected: dict[str, Any]) -> None:
    assert [[one.id, one.verdict, dict(one.body)] for one in store.checks.latest()] == expected["store"]["check"]


def test_a_kept_key_opens_and_a_revoked_one_does_not(store: Store, expected: dict[str, Any]) -> None:
    valid, revoked = expected["store"]["tokens"]
    key = store.keys.verify(valid)
    assert key is not None
    assert key.scopes == {"predict", "read"}
    assert store.keys.verify(revoked) is None
    assert store.keys.verify(valid[:-1]) is None


def test_the_kept_champion_loads_and_answers_as_its_file_does(store: Store, data: Path, sounds: Path) -> None:
    champion = store.models.find("forest@champion")
    content = store.models.content(champion.digest)
    assert content == (data / "forest.auricle").read_bytes()
    model = Predictor(Bundle.from_bytes(content))
    assert model.name == champion.id
    for entry in store.entries().entries:  # what it answered when it was kept
        assert model.predict(sounds / entry.source).label == entry.recording.label


def test_a_kept_store_takes_more(store: Store, store_url: str, auricle: Callable[..., Any], data: Path) -> None:
    before = len(store.entries().entries)
    bundle = data / "forest.auricle"
    assert auricle("models", "add", bundle, "--why", "again", "--store", store_url).code == 0
    token, _ = store.keys.create({"read"}, name="new")
    assert store.keys.verify(token) is not None
    store.delete(store.entries().entries[0].id, who="ann")
    assert len(store.entries().entries) == before - 1
