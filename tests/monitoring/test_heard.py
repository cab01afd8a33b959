from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.monitoring.answered import answered
from auricle.monitoring.heard import as_unheard
from auricle.monitoring.recordings import find
from auricle.monitoring.sample import reference_of


@pytest.fixture
def window(states, machine_sounds: Path):
    """The recordings of training, in another order, as the model answers them."""
    recordings = find(machine_sounds, states.classes, group="machine")
    return answered(states, recordings[::-1])[0]


def profiled(states, **arrays):
    bundle = states.bundle
    return replace(bundle, profile=replace(bundle.profile, **arrays))


def test_recordings_of_training_are_judged_as_if_the_model_had_not_heard_them(states, window) -> None:
    found, notes = as_unheard(window, states.bundle)
    reference = reference_of(states.bundle)
    assert not np.allclose(window.answers, reference.answers[::-1])
    np.testing.assert_array_equal(found.answers, reference.answers[::-1])
    np.testing.assert_array_equal(found.novelty, reference.novelty[::-1])
    np.testing.assert_array_equal(found.unknown, reference.unknown[::-1])
    np.testing.assert_array_equal(found.ids, window.ids)
    assert len(notes) == 1
    assert notes[0].startswith("24 of 24 recordings were in the training set: they are judged by the answers of models")


def test_new_recordings_are_left_as_they_are(states, window, tmp_path: Path) -> None:
    name = tmp_path / "new.wav"
    name.write_bytes(Path(window.ids[0]).read_bytes() + b"\0\0")
    some = window.subset(np.arange(3))
    some = replace(some, ids=np.array([str(name), *some.ids[1:].tolist()]))
    found, (note,) = as_unheard(some, states.bundle)
    np.testing.assert_array_equal(found.answers[0], window.answers[0])
    assert note.startswith("2 of 3 recordings were in the training set")
    new = some.subset(np.array([0]))
    assert as_unheard(new, states.bundle) == (new, ())


def test_those_without_answers_of_models_that_had_not_heard_them_are_left_out(states, window) -> None:
    profile = states.bundle.profile
    kept = {name: getattr(profile, name)[:10] for name in ("chosen", "rows", "quality", "answers", "novelty")}
    found, (note,) = as_unheard(window, profiled(states, **kept))
    np.testing.assert_array_equal(found.ids, window.ids[-10:])
    np.testing.assert_array_equal(found.answers, profile.answers[:10][::-1])
    assert note.endswith(" 14 of them, of which no such answers were kept, are left out.")


def test_of_several_parts_of_a_file_each_finds_its_own(states, window) -> None:
    hashes = np.repeat(states.bundle.profile.hashes[:1], 24, axis=0)
    one_file = replace(window, ids=np.repeat(window.ids[-1:], 24))
    found, _ = as_unheard(one_file, profiled(states, hashes=hashes))
    np.testing.assert_array_equal(found.answers, states.bundle.profile.answers[::-1])
