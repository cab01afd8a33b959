"""The champion is loaded when it changes; one that cannot be loaded leaves the previous one, and is tried again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from auricle.errors import BundleError, MissingError, StoreError
from auricle.prediction.predictor import Predictor
from auricle.serving.inference import active_model
from auricle.serving.inference.active_model import ActiveModel, register
from auricle.store.registry.models import Model, Models
from auricle.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store.db")) as opened:
        yield opened


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time by which a champion is tried again."""
    seconds = [1000.0]
    monkeypatch.setattr(active_model, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    return seconds


def promote(store: Store, model: Model) -> None:
    store.aliases.promote("states", model.digest, expected=store.aliases.digest("states"))


def add_broken(store: Store) -> Model:
    return store.models.add(b"no bundle", name="states", version="0" * 12, task="classify")


def add_second(store: Store, states: Predictor) -> Model:
    """The same in all but what its verdict says."""
    manifest = states.bundle.manifest.model_copy(update={"verdict": "a second one"})
    bundle = replace(states.bundle, manifest=manifest)
    return store.models.add(bundle.to_bytes(), name="states", version=bundle.version, task="classify")


def test_the_first_of_a_name_is_the_champion_and_a_restart_undoes_no_promotion(
    store: Store, states_file: Path, states: Predictor
) -> None:
    first = register(store, states_file, who="me", why="new")
    assert store.models.champion("states").digest == first.digest
    assert (first.version, first.classes, first.who) == (states.bundle.version, states.bundle.manifest.classes, "me")
    second = add_second(store, states)
    promote(store, second)
    assert register(store, states_file, who="me", why="again").digest == first.digest
    assert store.models.champion("states").digest == second.digest


def test_a_file_that_is_no_bundle_is_not_registered(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "broken.auricle"
    path.write_bytes(b"no bundle")
    with pytest.raises(BundleError):
        register(store, path, who="", why="")
    assert store.models.all() == ()


def test_without_a_champion_that_loads_there_is_no_active_model(store: Store) -> None:
    with pytest.raises(MissingError, match="must have a champion"):
        ActiveModel(store.models, "states")
    promote(store, add_broken(store))
    with pytest.raises(BundleError):
        ActiveModel(store.models, "states")


def test_a_new_champion_replaces_the_active_model(store: Store, states_file: Path, states: Predictor) -> None:
    first = register(store, states_file, who="", why="")
    active = ActiveModel(store.models, "states")
    in_use = active.model
    assert (active.refresh(), active.model) == (False, in_use)
    second = add_second(store, states)
    assert active.refresh() is False  # it is no champion yet
    promote(store, second)
    assert (active.refresh(), active.model.name, active.digest) == (True, second.id, second.digest)
    assert in_use.name == first.id
    assert active.refresh() is False


def test_a_champion_that_fails_is_tried_again_after_a_minute(
    store: Store, states_file: Path, states: Predictor, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(store, states_file, who="", why="")
    active = ActiveModel(store.models, "states")
    second, tries = add_second(store, states), []
    promote(store, second)

    def fail(_: Models, digest: str) -> bytes:
        tries.append(digest)
        raise StoreError("the disk hangs")

    with monkeypatch.context() as patch:
        patch.setattr(Models, "content", fail)
        for seconds in (0.0, 1.0, 58.0, 2.0):
            now[0] += seconds
            assert active.refresh() is False
            assert (active.model.name, active.load_error) == (states.loaded.name, "the disk hangs")
    assert tries == [second.digest] * 2
    assert active.refresh() is False
    now[0] += 61.0
    assert (active.refresh(), active.model.name, active.load_error) == (True, second.id, None)


def test_a_broken_champion_does_not_delay_the_next_one(
    store: Store, states_file: Path, states: Predictor, now: list[float]
) -> None:
    register(store, states_file, who="", why="")
    active = ActiveModel(store.models, "states")
    promote(store, add_broken(store))
    assert active.refresh() is False
    assert active.load_error is not None
    store.aliases.rollback("states")
    assert (active.refresh(), active.load_error) == (False, None)  # which is active anyhow
    promote(store, add_broken(store))
    assert active.refresh() is False
    assert active.load_error is not None  # what was forgotten is tried at once
    promote(store, add_second(store, states))
    assert (active.refresh(), active.load_error, now) == (True, None, [1000.0])
