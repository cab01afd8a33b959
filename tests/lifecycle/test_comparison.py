"""Paired predictions: out of fold on the original data, predicted now for new recordings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.one_pass import content_hash
from auricle.errors import DataError
from auricle.lifecycle.comparison import match_in_order, predict_all, predict_hold_out, predict_recent
from auricle.lifecycle.training_membership import out_of_fold
from auricle.prediction.predictor import Predictor


def hashes_of(data: Dataset) -> np.ndarray:
    return np.stack([content_hash(example.file) for example in data.examples])


def test_predictions_on_original_data_are_out_of_fold(champion: Predictor, pumps: Dataset) -> None:
    found = predict_hold_out(champion, champion.bundle, pumps, hashes_of(pumps), workers=1)
    assert found.where == "hold-out"
    assert found.truth.tolist() == pumps.labels.tolist()
    assert found.groups.tolist() == pumps.groups.tolist()
    assert found.champion.tolist() == found.challenger.tolist() == out_of_fold(champion.bundle).tolist()
    config = predict_all(champion, pumps.examples, 1)
    assert (config == found.truth).mean() > (found.champion == found.truth).mean()  # optimistic on training data


def test_recording_new_to_champion_is_predicted_now(champion: Predictor, pumps: Dataset) -> None:
    profile = champion.bundle.profile
    n = len(profile.hashes) - 6
    last = set(profile.groups[n:])
    kept = np.array([group not in last for group in profile.groups])
    smaller = replace(
        profile,
        metadata={},
        **{name: getattr(profile, name)[kept] for name in ("hashes", "groups", "truth")},
        chosen=np.arange(kept.sum()),
        **{name: getattr(profile, name)[kept] for name in ("rows", "quality", "answers", "novelty")},
    )
    champion_of_less = Predictor(replace(champion.bundle, profile=smaller))
    found = predict_hold_out(champion_of_less, champion.bundle, pumps, hashes_of(pumps), workers=1)
    fresh = [example for example in pumps.examples if example.group in last]
    assert found.champion[~kept].tolist() == predict_all(champion, fresh, 1).tolist()
    assert found.champion[kept].tolist() == out_of_fold(champion.bundle)[kept].tolist()


def test_recording_of_a_trained_group_is_left_out(champion: Predictor, pumps: Dataset) -> None:
    profile = champion.bundle.profile
    smaller = replace(
        profile,
        metadata={},
        **{name: getattr(profile, name)[:-1] for name in ("hashes", "groups", "truth", "rows", "quality")},
        **{name: getattr(profile, name)[:-1] for name in ("answers", "novelty", "chosen")},
    )
    assert profile.groups[-1] in profile.groups[:-1]
    champion_of_less = Predictor(replace(champion.bundle, profile=smaller))
    assert len(predict_hold_out(champion_of_less, champion.bundle, pumps, hashes_of(pumps)).truth) == len(pumps) - 1


def test_data_with_other_groups_is_refused(champion: Predictor, pumps: Dataset) -> None:
    each = tuple(replace(example, group=example.file.name) for example in pumps.examples)
    with pytest.raises(DataError, match=r"must be grouped as when the champion was trained.*Name the same `group`"):
        predict_hold_out(champion, champion.bundle, replace(pumps, examples=each), hashes_of(pumps))
    coarser = tuple(replace(example, group="all") for example in pumps.examples)
    with pytest.raises(DataError, match="is one group now"):
        predict_hold_out(champion, champion.bundle, replace(pumps, examples=coarser), hashes_of(pumps))


def test_renamed_groups_are_accepted(champion: Predictor, pumps: Dataset) -> None:
    renamed = tuple(replace(example, group=f"hall 1, {example.group}") for example in pumps.examples)
    assert (
        len(predict_hold_out(champion, champion.bundle, replace(pumps, examples=renamed), hashes_of(pumps)).truth) == 64
    )


def test_match_in_order_skips_left_out_recordings(pumps: Dataset) -> None:
    hashes = hashes_of(pumps)
    trained = np.concatenate([np.delete(hashes, [3, 10], axis=0), hashes[:2] ^ 1])
    found = match_in_order(trained, hashes)
    assert found.tolist() == [*(i for i in range(64) if i not in (3, 10)), -1, -1]


def test_recent_recordings_are_predicted_by_both(champion: Predictor, logged: tuple, tmp_path: Path) -> None:
    examples = []
    for index, one in enumerate(logged[:8]):
        file = tmp_path / f"{index}.flac"
        file.write_bytes(one.flac)
        examples.append(Example(file, one.label, None, f"{index}"))
    found = predict_recent(champion, champion, Dataset(tuple(examples), "classify"), workers=1)
    assert found.champion.tolist() == found.challenger.tolist() == [one.entry.recording.label for one in logged[:8]]


def test_recordings_without_a_group_are_of_one_source(champion: Predictor, pumps: Dataset) -> None:
    untold = tuple(replace(e, group=f"prediction {i}") for i, e in enumerate(pumps.examples[:4]))
    found = predict_recent(champion, champion, replace(pumps, examples=untold), workers=1)
    assert found.groups.tolist() == [""] * 4


def test_regression_predictions_are_floats(speeds: Predictor, machine_sounds: Path) -> None:
    data = Dataset.load(machine_sounds, target="rpm", group="machine")
    found = predict_hold_out(speeds, speeds.bundle, data, hashes_of(data))
    assert not found.is_classified
    assert found.champion.tolist() == out_of_fold(speeds.bundle).tolist()
    assert predict_all(speeds, data.examples[:2], 1).dtype == np.float64
