import pytest

from auricle.errors import MissingError, UsageError
from auricle.store.blobs import PART_BYTES
from auricle.store.registry.models import Model
from auricle.store.store import Store


def added(store: Store, version: str, *, name: str = "motor", content: bytes = b"") -> Model:
    content = content or f"{name} {version}".encode()
    return store.models.add(
        content, name=name, version=version, task="classify", classes=["a", "b"], who="me", why="new"
    )


def test_a_bundle_is_stored_once(store: Store) -> None:
    content = bytes(range(256)) * (PART_BYTES // 256) + b"the rest"
    first = added(store, "111111111111", content=content)
    assert added(store, "111111111111", content=content) == first
    assert store.models.all() == (first,)
    assert store.models.content(first.digest) == content
    assert (first.id, first.n_bytes, first.classes) == ("motor@111111111111", len(content), ("a", "b"))


def test_find_by_name_alias_version_and_digest(store: Store) -> None:
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


def test_champion_of_a_name_or_the_only_champion(store: Store) -> None:
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


def test_a_name_may_contain_an_at_sign(store: Store) -> None:
    first, second = (added(store, version, name="pump@north") for version in ("111111111111", "222222222222"))
    with pytest.raises(MissingError):
        store.models.find("pump@north")
    store.aliases.promote("pump@north", first.digest, expected=None)
    store.aliases.set_challenger("pump@north", second.digest, expected=None)
    for reference in ("pump@north", "pump@north@champion", "pump@north@111111111111"):
        assert store.models.find(reference).digest == store.models.champion("pump@north").digest == first.digest
    assert store.models.find("pump@north@challenger").digest == second.digest
