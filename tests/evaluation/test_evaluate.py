"""Evaluation predicts as the model does elsewhere, and tells recordings of the training set apart."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import auricle
from auricle.datasets.dataset import Dataset
from auricle.datasets.synthesis import machines
from auricle.errors import DataError
from auricle.evaluation.evaluate import evaluate
from auricle.prediction.predictor import Predictor
from auricle.training.train import TrainResult


@pytest.fixture(scope="module")
def new_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of the same machines that no fixture was trained on."""
    folder = tmp_path_factory.mktemp("new")
    return machines(folder, n=16, seed=9, rate_hz=8000, duration_s=0.5, n_machines=2, n_microphones=2)


@pytest.fixture(scope="module")
def new_dataset(new_sounds: Path) -> Dataset:
    return Dataset.load(new_sounds, label="label", group="machine")


def test_predictions_are_those_of_the_predictor(states: Predictor, new_dataset: Dataset) -> None:
    found = evaluate(states, new_dataset)
    assert found.predictions == tuple(states.predict(example.file) for example in new_dataset.examples)
    pairs = zip(found.predictions, new_dataset.examples, strict=True)
    assert found.scores["accuracy"] == pytest.approx(np.mean([p.label == example.label for p, example in pairs]))
    assert not found.in_training.any()
    assert found.scores_unseen is None
    assert "training set" not in found.verdict


def test_as_json_is_plain_json(states: Predictor, new_dataset: Dataset) -> None:
    shown = json.loads(json.dumps(evaluate(states, new_dataset).as_json(), allow_nan=False))
    assert shown.keys() >= {
        "verdict",
        "verdict_kind",
        "scores",
        "by_class",
        "by_column",
        "mistakes",
        "unknown_rate",
        "n_in_training",
    }
    assert (shown["n_recordings"], shown["n_in_training"], shown["task"]) == (16, 0, "classify")
    assert shown["scores"]["n_recordings"] == 16
    assert shown["unknown_classes"] == {"classes": [], "n_recordings": 0, "unknown_rate": None}


def test_recordings_of_the_training_set_are_recognised_by_content(
    states: Predictor, trained_on_states: TrainResult, tmp_path: Path
) -> None:
    examples = trained_on_states.dataset.examples[:6]
    renamed = []
    for index, example in enumerate(examples):
        shutil.copy(example.file, tmp_path / f"other name {index}.wav")
        renamed.append(replace(example, file=tmp_path / f"other name {index}.wav"))
    found = evaluate(states, replace(trained_on_states.dataset, examples=tuple(renamed)))
    assert found.in_training.all()
    assert found.verdict.startswith(
        "All 6 recordings were in the training set: the score does not hold for new recordings. "
    )
    assert "not seen in training" not in found.verdict


def test_training_recordings_are_left_out_of_the_verdict(
    states: Predictor, trained_on_states: TrainResult, new_dataset: Dataset
) -> None:
    both = replace(new_dataset, examples=(*trained_on_states.dataset.examples[:4], *new_dataset.examples))
    found = evaluate(states, both)
    assert found.in_training.tolist() == [True] * 4 + [False] * 16
    assert found.verdict.startswith("4 of 20 recordings were in the training set and are left out of this score. ")
    assert "on 16 recordings not seen in training; chance level 0.25." in found.verdict
    assert found.scores_unseen == evaluate(states, new_dataset).scores
    assert found.scores["n_recordings"] == 20


def test_groups_of_the_training_set_are_marked(states: Predictor, new_dataset: Dataset) -> None:
    known = states.bundle.profile.groups[0]
    some = replace(new_dataset.examples[0], group=str(known))
    found = evaluate(states, replace(new_dataset, examples=(some, *new_dataset.examples[1:])))
    assert found.in_training_group[0]
    alone = replace(new_dataset, group_column=None)
    assert not evaluate(states, alone).in_training_group.any()


def test_classes_unknown_to_the_model_are_not_scored(states: Predictor, new_dataset: Dataset) -> None:
    other = tuple(replace(example, label="whistle") for example in new_dataset.examples[:5])
    found = evaluate(states, replace(new_dataset, examples=(*other, *new_dataset.examples[5:])))
    shown = found.as_json()
    assert shown["scores"]["n_recordings"] == 11
    assert shown["unknown_classes"]["classes"] == ["whistle"]
    assert shown["unknown_classes"]["n_recordings"] == 5
    assert 0 <= shown["unknown_classes"]["unknown_rate"] <= 1


def test_no_class_in_common_is_refused(states: Predictor, new_dataset: Dataset) -> None:
    other = tuple(replace(example, label="whistle") for example in new_dataset.examples)
    with pytest.raises(DataError, match=r"must know at least one class of the data\. It knows 'cavitation'"):
        evaluate(states, replace(new_dataset, examples=other))


def test_targets_for_a_classifier_are_refused(states: Predictor, new_sounds: Path) -> None:
    with pytest.raises(DataError, match=r"predicts a class; the data has a target\. Name its column with `label`"):
        evaluate(states, Dataset.load(new_sounds, target="rpm"))


def test_a_regressor_is_evaluated(speeds: Predictor, new_sounds: Path) -> None:
    found = evaluate(speeds, Dataset.load(new_sounds, target="rpm", group="machine"))
    assert found.scores.keys() >= {"r2", "mae", "rmse", "ci95"}
    assert " R² " in found.verdict
    assert found.coverage is not None


def test_a_single_number_has_no_verdict(speeds: Predictor, new_sounds: Path) -> None:
    data = Dataset.load(new_sounds, target="rpm")
    found = evaluate(speeds, data.subset([0]))
    assert found.verdict.startswith("Cannot say whether this is better than guessing: R² has no 95% interval on 1 rec")
    assert "mean absolute error" in found.verdict
    assert found.as_json()["verdict_kind"] == "cannot_say"
    json.dumps(found.as_json(), allow_nan=False)


def test_the_chance_level_counts_all_classes_of_the_model(states: Predictor, new_dataset: Dataset) -> None:
    (label, *_) = new_dataset.classes
    found = evaluate(states, new_dataset.subset(np.flatnonzero(new_dataset.labels == label)))
    assert found.chance_level == 1 / len(states.classes)


def test_a_part_of_a_file_is_predicted_by_itself(states: Predictor, new_dataset: Dataset) -> None:
    part = replace(new_dataset.examples[0], start_s=0.1, end_s=0.4)
    found = evaluate(states, replace(new_dataset, examples=(part, new_dataset.examples[1])))
    assert found.predictions[0].end_s == pytest.approx(0.3, abs=0.2)
    assert found.predictions[0] != states.predict(part.file)


def test_failed_recordings_are_left_out_and_named(states: Predictor, new_dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "silent.wav", np.zeros(4000), 8000)
    bad = tuple(replace(new_dataset.examples[0], file=tmp_path / name) for name in ("empty.wav", "silent.wav"))
    found = evaluate(states, replace(new_dataset, examples=(*bad, *new_dataset.examples)))
    assert [failure.file.name for failure in found.failures] == ["empty.wav", "silent.wav"]
    assert len(found.predictions) == 16
    with pytest.raises(DataError, match=r"must predict at least one recording\. It predicts none; .*empty\.wav"):
        evaluate(states, Dataset((bad[0],), "classify"))


def test_it_is_a_name_of_the_package() -> None:
    assert auricle.evaluate is evaluate
