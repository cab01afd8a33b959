"""Training membership: recordings are recognised by content in any format."""

import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from auricle.audio.decode import read
from auricle.datasets.dataset import Dataset
from auricle.lifecycle.training_membership import NOT_TRAINED_ON, WITHOUT_PREDICTION, out_of_fold, training_membership
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream


def config(model: Predictor, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the hash of a file and its standard row."""
    clip = read(content)
    stream = Stream(model.loaded, rate_hz=clip.rate_hz)
    stream.feed(clip.samples)
    stream.finish()
    return np.frombuffer(hashlib.sha256(content).digest(), np.uint8), stream.standard_row()


def test_training_recordings_are_found(champion: Predictor) -> None:
    profile = champion.bundle.profile
    assert training_membership(profile, profile.hashes, profile.rows).tolist() == list(range(len(profile.hashes)))


def test_recording_in_another_format_is_found(champion: Predictor, pumps: Dataset) -> None:
    samples, rate_hz = soundfile.read(pumps.examples[5].file)
    flac = io.BytesIO()
    soundfile.write(flac, samples, rate_hz, format="FLAC")
    digest, row = config(champion, flac.getvalue())
    assert not (champion.bundle.profile.hashes == digest).all(axis=1).any()
    assert training_membership(champion.bundle.profile, digest[None], row[None]).tolist() == [5]


def test_other_takes_of_the_same_machines_are_not_found(champion: Predictor, logged: Callable[..., object]) -> None:
    found = [config(champion, one.flac) for one in logged]
    hashes, rows = (np.stack(part) for part in zip(*found, strict=True))
    assert (training_membership(champion.bundle.profile, hashes, rows) == NOT_TRAINED_ON).all()


def test_rows_alone_tell_recordings_apart(champion: Predictor) -> None:
    profile = champion.bundle.profile
    other = np.roll(profile.hashes, 1, axis=0) ^ 1  # unknown hashes: the rows alone decide
    assert training_membership(profile, other, profile.rows).tolist() == list(range(len(profile.hashes)))


def test_training_recording_without_prediction(champion: Predictor) -> None:
    profile = champion.bundle.profile
    elsewhere = profile.rows[:1] + 100 * profile.rows.std(axis=0)
    assert training_membership(profile, profile.hashes[:1], elsewhere).tolist() == [WITHOUT_PREDICTION]
    assert training_membership(profile, profile.hashes[:1], np.full_like(elsewhere, np.nan)).tolist() == [
        WITHOUT_PREDICTION
    ]
    assert training_membership(profile, profile.hashes[:1] ^ 1, np.full_like(elsewhere, np.nan)).tolist() == [
        NOT_TRAINED_ON
    ]


def test_out_of_fold_predictions_are_classes_or_numbers(champion: Predictor, speeds: Predictor) -> None:
    labels = out_of_fold(champion.bundle)
    assert set(labels.tolist()) <= set(champion.classes)
    assert (labels == champion.bundle.profile.truth).mean() == pytest.approx(
        champion.bundle.manifest.scores["accuracy"], abs=0.1
    )
    assert out_of_fold(speeds.bundle).dtype == np.float64
