"""Samples from the store equal the logged predictions."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from auricle.errors import AuricleError
from auricle.monitoring.sources.from_files import samples_from_files
from auricle.monitoring.sources.from_store import registered_bundle, samples_from_store
from auricle.monitoring.sources.recordings import find_recordings
from auricle.prediction.log_entries import build_entry
from auricle.prediction.stream import Stream
from auricle.store.store import Store

TIME = datetime(2026, 3, 1, tzinfo=UTC)


def logged_entry(model, file: Path, **options):
    from auricle.audio.decode import read

    clip = read(file)
    stream = Stream(model.loaded, rate_hz=clip.rate_hz, source=file.name)
    stream.feed(clip.samples)
    return build_entry(stream, stream.finish(), **options)


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(str(tmp_path / "store.db")) as opened:
        yield opened


def test_sample_matches_logged_predictions(states, machine_sounds: Path, store: Store) -> None:
    recordings = find_recordings(machine_sounds, states.classes).examples[:4]
    sites = ({"site": "north"}, {"site": "south", "n": 2.0}, {}, {"on": True})
    entries = [
        logged_entry(states, one.file, time=TIME, group="g", metadata=site)
        for one, site in zip(recordings, sites, strict=True)
    ]
    store.add(entries)
    found, failures = samples_from_store(store.scan(), lambda _: states.bundle)
    assert failures == {}
    ((bundle, sample),) = found.values()
    direct, _ = samples_from_files(states, recordings)
    assert bundle is states.bundle
    for name in ("rows", "outputs", "novelty", "rates_hz"):
        np.testing.assert_allclose(getattr(sample, name), getattr(direct, name), atol=1e-6)
    np.testing.assert_allclose(sample.quality, direct.quality, atol=1e-3)
    assert sample.metadata["site"].tolist() == ["north", "south", "", ""]
    assert (sample.metadata["n"][1], sample.metadata["on"][3]) == ("2", "true")
    assert set(sample.times) == {np.datetime64("2026-03-01", "us")}
    assert not sample.is_labelled.any()


def test_versions_are_separate_and_missing_bundles_reported(states, speeds, machine_sounds: Path, store) -> None:
    file = find_recordings(machine_sounds, states.classes).examples[0].file
    store.add([logged_entry(model, file) for model in (states, speeds, states)])

    def only_states(model: str):
        return states.bundle if model == states.name else registered_bundle(store, model)

    found, failures = samples_from_store(store.scan(), only_states)
    assert [len(sample) for _, sample in found.values()] == [2]
    assert list(failures) == [speeds.name]
    assert isinstance(failures[speeds.name], AuricleError)
    both, _ = samples_from_store(store.scan(), {states.name: states.bundle, speeds.name: speeds.bundle}.__getitem__)
    assert both[speeds.name][1].outputs.shape == (1, 1)


def test_one_key_for_all_tells_no_sources(states, machine_sounds: Path, store: Store) -> None:
    file = find_recordings(machine_sounds, states.classes).examples[0].file

    def groups():
        ((_, sample),) = samples_from_store(store.scan(), lambda _: states.bundle)[0].values()
        return set(sample.groups.tolist())

    store.add([logged_entry(states, file, key="k1") for _ in range(3)])
    assert groups() == {""}
    store.add([logged_entry(states, file, key="k2")])
    assert groups() == {"k1", "k2"}
    store.add([logged_entry(states, file, key="k1", group="pump", metadata={"group": "pump"})])
    assert groups() == {"k1", "k2", "pump"}


def test_a_group_that_was_told_is_a_source_though_it_is_the_only_one(states, machine_sounds: Path, store) -> None:
    file = find_recordings(machine_sounds, states.classes).examples[0].file
    store.add([logged_entry(states, file, group="pump", metadata={"group": "pump"}) for _ in range(2)])
    ((_, sample),) = samples_from_store(store.scan(), lambda _: states.bundle)[0].values()
    assert sample.groups.tolist() == ["pump", "pump"]
