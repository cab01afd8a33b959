import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from auricle.errors import ConflictError, MissingError
from auricle.store.registry.models import Model
from auricle.store.store import Store


def added(store: Store, version: str, *, name: str = "motor") -> Model:
    return store.models.add(f"{name} {version}".encode(), name=name, version=version, task="classify")


def test_a_change_requires_the_expected_alias(store: Store) -> None:
    first, second = added(store, "1"), added(store, "2")
    store.aliases.promote("motor", first.digest, expected=None, who="me", why="the first")
    with pytest.raises(ConflictError, match=f"must still be none. It was changed to {first.digest[:12]} meanwhile"):
        store.aliases.promote("motor", second.digest, expected=None)
    assert store.aliases.digest("motor") == first.digest
    with pytest.raises(MissingError, match="There is no model 'motor' of the digest"):
        store.aliases.promote("motor", added(store, "1", name="pump").digest, expected=first.digest)
    with pytest.raises(MissingError, match="There is no model of the digest"):
        store.aliases.promote("motor", "0" * 64, expected=first.digest)


def test_one_of_concurrent_promotions_succeeds(store: Store) -> None:
    first = added(store, "0")
    store.aliases.promote("motor", first.digest, expected=None)
    rivals = [added(store, str(version)) for version in range(1, 5)]
    together = threading.Barrier(len(rivals))

    def promote(rival: Model) -> bool:
        together.wait()
        try:
            store.aliases.promote("motor", rival.digest, expected=first.digest)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(len(rivals)) as pool:
        won = list(pool.map(promote, rivals))
    assert sum(won) == 1
    assert store.aliases.digest("motor") == rivals[won.index(True)].digest


def test_rollback_goes_back_step_by_step(store: Store) -> None:
    first, second, third = (added(store, version).digest for version in "123")
    for before, after in ((None, first), (first, second), (second, third)):
        store.aliases.promote("motor", after, expected=before)
    assert store.aliases.rollback("motor", who="me", why="worse").after == second
    assert store.aliases.rollback("motor").after == first
    with pytest.raises(MissingError, match="'motor' must have had another champion to go back to"):
        store.aliases.rollback("motor")
    store.aliases.promote("motor", third, expected=first)
    assert store.aliases.rollback("motor").after == first
    with pytest.raises(MissingError, match="'pump' must have had"):
        store.aliases.rollback("pump")


def test_a_promoted_challenger_is_no_longer_challenger(store: Store) -> None:
    first, second = added(store, "1"), added(store, "2")
    store.aliases.promote("motor", first.digest, expected=None)
    store.aliases.set_challenger("motor", second.digest, expected=None, who="watch", why="drift")
    store.aliases.promote("motor", second.digest, expected=first.digest, who="me", why="better")
    assert store.models.find("motor").aliases == ("champion",)
    assert store.aliases.digest("motor", "challenger") is None
    changes = store.aliases.changes("motor")
    assert [(change.alias, change.kind, change.after, change.who) for change in changes] == [
        ("champion", "promotion", first.digest, ""),
        ("challenger", "promotion", second.digest, "watch"),
        ("champion", "promotion", second.digest, "me"),
        ("challenger", "promotion", None, "me"),
    ]
    assert changes[2].as_json()["why"] == "better"
