"""Labelled data: reading, splitting, and reasons for leaving labels out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.bundles.profile import Profile
from auricle.datasets.dataset import Dataset
from auricle.lifecycle.labelled_data import LabelledRecordings, load_labelled, split_labels, write_examples
from auricle.prediction.predictor import Predictor
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store


@pytest.fixture
def labels(labelled_store: Store, champion: Predictor) -> LabelledRecordings:
    return load_labelled(labelled_store, "pumps", is_class=True, n_standard=champion.bundle.profile.rows.shape[1])


def test_labels_are_read_with_their_keys(labels: LabelledRecordings, logged: tuple) -> None:
    assert labels.ids.tolist() == [one.entry.id for one in logged]
    assert labels.truth.tolist() == [one.label for one in logged]
    assert labels.keys.tolist() == [one.key for one in logged]
    assert labels.groups.tolist() == [one.entry.group for one in logged]
    assert np.allclose(labels.standard, [one.entry.standard for one in logged])
    assert None not in labels.sounds.tolist()


def test_last_label_of_a_prediction_counts(
    labelled_store: Store, labels: LabelledRecordings, champion: Predictor
) -> None:
    other = next(name for name in champion.classes if name != labels.truth[0])
    labelled_store.feedback.add(FeedbackEntry(str(labels.ids[0]), label=other, key="someone"))
    retrain_labelled_store = load_labelled(labelled_store, "pumps", is_class=True, n_standard=labels.standard.shape[1])
    assert (retrain_labelled_store.truth[0], retrain_labelled_store.keys[0], len(retrain_labelled_store)) == (
        other,
        "someone",
        len(labels),
    )


def test_store_without_labels_gives_an_empty_result(store: Store) -> None:
    for is_class in (True, False):
        assert len(load_labelled(store, "pumps", is_class=is_class, n_standard=5)) == 0


def test_entry_without_group_is_its_own_group(store: Store, logged: tuple) -> None:
    store.add([replace(logged[0].entry, group="")])
    store.feedback.add(FeedbackEntry(logged[0].entry.id, label=logged[0].label))
    found = load_labelled(store, "pumps", is_class=True, n_standard=3)
    assert found.groups.tolist() == [f"prediction {logged[0].entry.id}"]
    assert np.isnan(found.standard).all()  # of another width


def test_training_and_held_out_labels_are_disjoint(
    labels: LabelledRecordings, pumps: Dataset, champion: Predictor
) -> None:
    found = split_labels(labels, pumps, champion.bundle.profile, ())
    assert not set(found.training.tolist()) & set(found.held_out.tolist())
    assert len(found.training) + len(found.held_out) == len(labels)
    assert 12 <= len(found.held_out) <= 36
    assert found.as_json()["left_out"] == {}


def test_left_out_labels_are_counted_by_reason(labels: LabelledRecordings, pumps: Dataset, champion: Predictor) -> None:
    profile = champion.bundle.profile
    sounds, truth, standard, keys = (
        labels.sounds.copy(),
        labels.truth.astype(object),
        *map(np.copy, (labels.standard, labels.keys)),
    )
    truth[0] = "a class of old"
    sounds[1] = None
    sounds[3], truth[3] = sounds[2], "healthy"  # people disagree
    truth[2] = "imbalance"
    standard[4] = profile.rows[7]  # a copy of a recording of the original data
    keys[40:] = "joe"
    spoiled = replace(labels, sounds=sounds, truth=truth.astype(str), standard=standard, keys=keys)
    found = split_labels(spoiled, pumps, profile, ())
    left_out = found.as_json()["left_out"]
    assert left_out.pop("more than a fifth from one key") > 10
    assert left_out == {
        "of a class that the data does not hold": 1,
        "of which no sound was kept": 1,
        "said again, or otherwise by somebody else": 2,
        "in the data already": 1,
    }
    assert not {0, 1, 2, 3, 4} & {*found.training.tolist(), *found.held_out.tolist()}
    trusting = split_labels(spoiled, pumps, profile, {"joe"})
    assert "more than a fifth from one key" not in trusting.as_json()["left_out"]


def test_recordings_of_champions_training_are_trained_on_again(
    labels: LabelledRecordings, pumps: Dataset, champion: Predictor
) -> None:
    before = split_labels(labels, pumps, champion.bundle.profile, ())
    place = int(before.held_out[0])
    digest = np.frombuffer(bytes.fromhex(labels.sounds[place]), np.uint8)
    learned = _with(champion.bundle.profile, digest, labels.standard[place])
    after = split_labels(labels, pumps, learned, ())
    assert place in after.training.tolist()
    assert "in the data already" not in after.as_json()["left_out"]


def test_sound_of_a_frozen_hold_out_is_left_out(
    labels: LabelledRecordings, pumps: Dataset, champion: Predictor
) -> None:
    """A copy in another container has other bytes, but the same standard row."""
    profile = champion.bundle.profile
    found = split_labels(labels, pumps, profile, (), labels.standard[[3, 8]] + np.float32(1e-6))
    assert found.left_out["in the frozen hold-out"] == 2
    assert not {3, 8} & {*found.training.tolist(), *found.held_out.tolist()}
    assert "in the frozen hold-out" not in split_labels(labels, pumps, profile, ()).left_out


def test_recordings_without_a_group_are_held_out_by_time(
    labels: LabelledRecordings, pumps: Dataset, champion: Predictor
) -> None:
    """Neighbours of what is compared would be learned from, if each were a group of its own."""
    untold = replace(labels, groups=np.array([f"prediction {name}" for name in labels.ids]))
    found = split_labels(untold, pumps, champion.bundle.profile, ())
    assert found.by == "by time"
    assert labels.times[found.held_out].min() >= labels.times[found.training].max()


def test_written_examples_hold_the_kept_sounds(
    labelled_store: Store,
    labels: LabelledRecordings,
    logged: tuple,
    tmp_path: Path,
) -> None:
    labelled_store.delete(logged[1].entry.id)
    weights = np.linspace(0.5, 1.0, len(labels))
    found = write_examples(labelled_store, labels, np.array([0, 1, 2]), tmp_path, weights)
    assert [example.label for example in found] == [logged[0].label, logged[2].label]
    assert [example.weight for example in found] == [weights[0], weights[2]]
    assert found[0].file.read_bytes() == logged[0].flac


def _with(profile: Profile, digest: np.ndarray, row: np.ndarray) -> Profile:
    """Return a profile that knows one recording more."""
    return replace(
        profile,
        hashes=np.vstack([profile.hashes, digest]),
        groups=np.append(profile.groups, "elsewhere"),
        truth=np.append(profile.truth, "healthy"),
        metadata={},
        chosen=np.append(profile.chosen, len(profile.hashes)),
        rows=np.vstack([profile.rows, row]),
        **{
            name: np.concatenate([getattr(profile, name), getattr(profile, name)[:1]])
            for name in ("quality", "answers", "novelty")
        },
    )
