"""Training recordings among live ones: out-of-fold predictions, or left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.monitoring.check import check
from auricle.monitoring.sources.from_files import samples_from_files
from auricle.monitoring.sources.recordings import find_recordings
from auricle.monitoring.sources.sample import reference_sample
from auricle.monitoring.sources.training_overlap import drop_unprofiled, substitute_out_of_fold


@pytest.fixture
def window(states, machine_sounds: Path):
    """Training recordings in another order, with the model's own predictions."""
    recordings = find_recordings(machine_sounds, states.classes, group="machine").examples
    return samples_from_files(states, recordings[::-1])[0]


def test_training_recordings_get_out_of_fold_predictions(states, window) -> None:
    reference = reference_sample(states.bundle)
    found, notes = substitute_out_of_fold(window, reference)
    assert not np.allclose(window.outputs, reference.outputs[::-1])
    np.testing.assert_array_equal(found.outputs, reference.outputs[::-1])
    np.testing.assert_array_equal(found.novelty, reference.novelty[::-1])
    np.testing.assert_array_equal(found.unknown, reference.unknown[::-1])
    np.testing.assert_array_equal(found.ids, window.ids)
    assert len(notes) == 1
    assert notes[0].startswith("24 of 24 recordings were in the training set: their out-of-fold predictions are used.")


def test_new_recordings_keep_their_predictions(states, window) -> None:
    reference = reference_sample(states.bundle)
    new = replace(window, rows=window.rows + np.float32(1e-3))
    assert substitute_out_of_fold(new, reference) == (new, ())
    mixed = replace(window, rows=np.concatenate([new.rows[:1], window.rows[1:]]))
    found, (note,) = substitute_out_of_fold(mixed, reference)
    np.testing.assert_array_equal(found.outputs[0], window.outputs[0])
    assert note.startswith("23 of 24 recordings were in the training set")


def test_training_recordings_are_no_alarm(make_sample) -> None:
    reference = make_sample(300)
    sure = np.eye(3, dtype=np.float32)[np.searchsorted(reference.classes, reference.truth)] * 0.98 + np.float32(0.005)
    window = replace(reference, outputs=sure, novelty=reference.novelty / 10, unknown=np.zeros(300, np.bool_))
    found = check(reference, window, model_rate_hz=16_000)
    assert found.verdict.state == "ok"
    assert "300 of 300 recordings were in the training set" in found.notes[0]
    assert found.measured is not None
    assert found.measured.value == pytest.approx(found.measured.reference)
    apart = check(reference, replace(window, rows=window.rows[:, ::-1].copy()), model_rate_hz=16_000)
    assert apart.measured.value > found.measured.value


def test_unprofiled_training_recordings_are_dropped(states, window, tmp_path: Path) -> None:
    profile = states.bundle.profile
    assert drop_unprofiled(window, profile) == (window, 0)
    kept = {name: getattr(profile, name)[:10] for name in ("chosen", "rows", "quality", "answers", "novelty")}
    kept["metadata"] = {}
    found, n_left = drop_unprofiled(window, replace(profile, **kept))
    assert n_left == 14
    np.testing.assert_array_equal(found.ids, window.ids[-10:])
    new = tmp_path / "new.wav"
    new.write_bytes(Path(window.ids[0]).read_bytes() + b"\0\0")
    renamed = replace(window, ids=np.array([str(new), *window.ids[1:].tolist()]))
    assert drop_unprofiled(renamed, replace(profile, **kept))[1] == 13
