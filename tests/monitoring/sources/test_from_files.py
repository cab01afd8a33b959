"""Samples from files equal the predictions of the model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.datasets.dataset import Example
from auricle.errors import DataError
from auricle.monitoring.sources.from_files import samples_from_files
from auricle.monitoring.sources.recordings import find_recordings
from auricle.monitoring.sources.sample import reference_sample


def test_sample_matches_model_predictions(states, machine_sounds: Path) -> None:
    recordings = find_recordings(machine_sounds, states.classes, group="machine").examples[:5]
    sample, failures = samples_from_files(states, recordings)
    assert (len(sample), failures, sample.model) == (5, (), states.name)
    direct = states.predict(recordings[2].file)
    assert sample.classes[sample.predicted[2]] == direct.label
    assert sample.novelty[2] == pytest.approx(direct.novelty)
    assert sample.measure("level_db")[2] == pytest.approx(direct.quality.level_db, abs=1e-4)
    assert set(sample.rates_hz) == {8000}
    assert sample.is_labelled.all()
    assert sample.metadata["machine"].tolist() == [one.group for one in recordings]
    assert sample.columns == reference_sample(states.bundle).columns


def test_part_of_a_recording_is_predicted_alone(states, machine_sounds: Path) -> None:
    whole = find_recordings(machine_sounds, states.classes).examples[0]
    sample, _ = samples_from_files(states, [whole, replace(whole, start_s=0.1, end_s=0.4)])
    assert not np.array_equal(sample.rows[0], sample.rows[1])
    part = states.run(read(whole.file, start_s=0.1, end_s=0.4))
    np.testing.assert_array_equal(sample.rows[1], part.standard_row())


def test_failures_are_returned_with_reason(states, machine_sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    good = find_recordings(machine_sounds, states.classes).examples[0]
    bad = Example(tmp_path / "bad.wav", None, None, "bad")
    sample, failures = samples_from_files(states, [bad, good])
    assert len(sample) == 1
    assert [failure.file.name for failure in failures] == ["bad.wav"]
    with pytest.raises(DataError, match="None of 1 recordings can be predicted"):
        samples_from_files(states, [bad])


def test_missing_target_is_unlabelled(speeds, machine_sounds: Path) -> None:
    recording = find_recordings(machine_sounds, ()).examples[0]
    sample, _ = samples_from_files(speeds, [replace(recording, target=1200.0), replace(recording, target=None)])
    assert sample.is_labelled.tolist() == [True, False]


def test_times_are_in_utc(states, machine_sounds: Path) -> None:
    recording = find_recordings(machine_sounds, states.classes).examples[0]
    times = ("1970-01-02T02:00:00+02:00", "86400", None)
    sample, _ = samples_from_files(states, [replace(recording, time=time) for time in times])
    assert sample.times[:2].tolist() == [np.datetime64("1970-01-02", "us").item()] * 2
    assert np.isnat(sample.times[2])
