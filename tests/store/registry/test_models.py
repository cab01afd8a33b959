import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from auricle.errors import ConflictError, MissingError, UsageError
from auricle.store.blobs import PART_BYTES
from auricle.store.registry.models import Model
from auricle.store.store import Store


def added(store: Store, version: str, *, name: str = "motor", content: bytes = b"") -> Model:
    content = content or f"{name} {version}".encode()
    return store.models.add(
        content, name=name, version=version, task="classify", classes=["a", "b"], who="me", why="new"
    )


def test_a_bundle_is_kept_once(store: Store) -> None:
    content = bytes(range(256)) * (PART_BYTES // 256) + b"the rest"
    first = added(store, "111111111111", content=content)
    assert added(store, "111111111111", content=content) == first
    assert store.models.all() == (first,)
    assert store.models.content(first.digest) == content
    assert (first.id, first.n_bytes, first.classes) == ("motor@111111111111", len(content), ("a", "b"))


def test_a_model_is_found_by_what_it_is_called(store: Store) -> None:
    first, second = added(store, "111111111111"), added(store, "222222222222")
    other = added(store, "333333333333", name="pump")
    store.aliases.promote("motor", first.digest, expected=None)
    store.aliases.set_challenger("motor", second.digest, expected=None)
    for reference in ("motor", "motor@champion", "motor@111111111111", first.digest, first.digest[:8]):
        assert store.models.find(reference).digest == first.digest
    assert store.models.find("motor@challenger").aliases == ("challenger",)
    assert [model.id for model in store.models.all("motor")] == ["motor@222222222222", "motor@111111111111"]
    assert store.models.find("pump@333333333333") == other
    for reference in ("pump", "motor@444444444444", "deadbeef", "", "@", "motor@", "%"):
        with pytest.raises(MissingError, match="There is no model"):
            store.models.find(reference)
    with pytest.raises(MissingError, match="There is no model of the digest"):
        store.models.content("0" * 64)


def test_the_champion_is_that_of_a_name_or_the_only_one(store: Store) -> None:
    with pytest.raises(MissingError, match=r"A model in the store must have a champion. There is none"):
        store.models.champion()
    first, second = added(store, "111111111111"), added(store, "222222222222")
    store.aliases.promote("motor", first.digest, expected=None)
    store.aliases.set_challenger("motor", second.digest, expected=None)
    assert store.models.champion() == store.models.champion("motor") == store.models.find(first.digest)
    other = added(store, "333333333333", name="pump")
    assert [model.id for model in store.models.champions()] == [first.id]
    with pytest.raises(MissingError, match=r"The model 'pump' must have a champion. The store has champions of motor"):
        store.models.champion("pump")
    store.aliases.promote("pump", other.digest, expected=None)
    with pytest.raises(UsageError, match="several models, motor, pump: say which one"):
        store.models.champion()
    assert [model.id for model in store.models.champions()] == [other.id, first.id]
    assert store.models.champion("pump").aliases == ("champion",)


def test_a_name_may_hold_an_at_sign(store: Store) -> None:
    first, second = (added(store, version, name="pump@north") for version in ("111111111111", "222222222222"))
    with pytest.raises(MissingError):
        store.models.find("pump@north")
    store.aliases.promote("pump@north", first.digest, expected=None)
    store.aliases.set_challenger("pump@north", second.digest, expected=None)
    for reference in ("pump@north", "pump@north@champion", "pump@north@111111111111"):
        assert store.models.find(reference).digest == store.models.champion("pump@north").digest == first.digest
    assert store.models.find("pump@north@challenger").digest == second.digest


def test_an_alias_moves_only_from_where_it_was_seen(store: Store) -> None:
    first, second = added(store, "1"), added(store, "2")
    store.aliases.promote("motor", first.digest, expected=None, who="me", why="the first")
    with pytest.raises(ConflictError, match=f"must still be none. It was changed to {first.digest[:12]} meanwhile"):
        store.aliases.promote("motor", second.digest, expected=None)
    assert store.aliases.digest("motor") == first.digest
    with pytest.raises(MissingError, match="There is no model 'motor' of the digest"):
        store.aliases.promote("motor", added(store, "1", name="pump").digest, expected=first.digest)
    with pytest.raises(MissingError, match="There is no model of the digest"):
        store.aliases.promote("motor", "0" * 64, expected=first.digest)


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(store: Store) -> None:
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


def test_rolling_back_goes_back_step_by_step(store: Store) -> None:
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


def test_a_promoted_challenger_is_challenger_no_more(store: Store) -> None:
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
