"""Evaluation answers as the model does elsewhere, and says what it knows already."""

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
def strange_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sounds of the fleet that no fixture was trained on."""
    folder = tmp_path_factory.mktemp("strange")
    return machines(folder, n=16, seed=9, rate_hz=8000, duration_s=0.5, n_machines=2, n_microphones=2)


@pytest.fixture(scope="module")
def strange(strange_sounds: Path) -> Dataset:
    return Dataset.load(strange_sounds, label="label", group="machine")


def test_the_answers_are_those_of_prediction(states: Predictor, strange: Dataset) -> None:
    found = evaluate(states, strange)
    assert found.predictions == tuple(states.predict(example.file) for example in strange.examples)
    right = [one.label == example.label for one, example in zip(found.predictions, strange.examples, strict=True)]
    assert found.scores["accuracy"] == pytest.approx(np.mean(right))
    assert not found.in_training.any()
    assert found.scores_unseen is None
    assert "training set" not in found.verdict


def test_everything_is_json(states: Predictor, strange: Dataset) -> None:
    shown = json.loads(json.dumps(evaluate(states, strange).as_json(), allow_nan=False))
    assert shown.keys() >= {"verdict", "scores", "by_class", "by_column", "mistakes", "unknown_rate", "n_in_training"}
    assert (shown["n_recordings"], shown["n_in_training"], shown["task"]) == (16, 0, "classify")
    assert shown["scores"]["n_recordings"] == 16
    assert shown["unknown_classes"] == {"classes": [], "n_recordings": 0, "unknown_rate": None}


def test_recordings_of_the_training_set_are_told_by_their_content(
    states: Predictor, trained_on_states: TrainResult, tmp_path: Path
) -> None:
    examples = trained_on_states.dataset.examples[:6]
    renamed = []
    for place, example in enumerate(examples):
        shutil.copy(example.file, tmp_path / f"other name {place}.wav")
        renamed.append(replace(example, file=tmp_path / f"other name {place}.wav"))
    found = evaluate(states, replace(trained_on_states.dataset, examples=tuple(renamed)))
    assert found.in_training.all()
    assert found.verdict.startswith(
        "All 6 recordings were in the training set: this score is memory, and says nothing."
    )
    assert found.report.tone != "good"


def test_what_was_heard_is_left_out_of_the_headline(
    states: Predictor, trained_on_states: TrainResult, strange: Dataset
) -> None:
    both = replace(strange, examples=(*trained_on_states.dataset.examples[:4], *strange.examples))
    found = evaluate(states, both)
    assert found.in_training.tolist() == [True] * 4 + [False] * 16
    assert found.verdict.startswith("4 of 20 recordings were in the training set, and are known to the model. ")
    assert "on 16 recordings that it had not heard" in found.verdict
    assert found.scores_unseen == evaluate(states, strange).scores
    assert found.scores["n_recordings"] == 20


def test_groups_that_were_trained_on_are_counted(states: Predictor, strange: Dataset) -> None:
    known = states.bundle.profile.groups[0]
    some = replace(strange.examples[0], group=str(known))
    found = evaluate(states, replace(strange, examples=(some, *strange.examples[1:])))
    assert found.in_training_group[0]
    alone = replace(strange, group_column=None)
    assert not evaluate(states, alone).in_training_group.any()


def test_classes_that_the_model_does_not_know_are_not_scored(states: Predictor, strange: Dataset) -> None:
    other = tuple(replace(example, label="whistle") for example in strange.examples[:5])
    found = evaluate(states, replace(strange, examples=(*other, *strange.examples[5:])))
    shown = found.as_json()
    assert shown["scores"]["n_recordings"] == 11
    assert shown["unknown_classes"]["classes"] == ["whistle"]
    assert shown["unknown_classes"]["n_recordings"] == 5
    assert 0 <= shown["unknown_classes"]["unknown_rate"] <= 1
    assert "whistle" in found.report.html()


def test_no_class_in_common_is_refused(states: Predictor, strange: Dataset) -> None:
    other = tuple(replace(example, label="whistle") for example in strange.examples)
    with pytest.raises(DataError, match=r"at least one class must be one that the model knows\. It knows 'cavitation'"):
        evaluate(states, replace(strange, examples=other))


def test_numbers_where_classes_are_answered_are_refused(states: Predictor, strange_sounds: Path) -> None:
    with pytest.raises(DataError, match=r"answers a class; the data has a target\. Name its column with `label`"):
        evaluate(states, Dataset.load(strange_sounds, target="rpm"))


def test_a_regressor_is_evaluated(speeds: Predictor, strange_sounds: Path) -> None:
    found = evaluate(speeds, Dataset.load(strange_sounds, target="rpm", group="machine"))
    assert found.scores.keys() >= {"r2", "mae", "rmse", "ci95"}
    assert " R² " in found.verdict
    assert found.coverage is not None
    assert "Answers against the truth" in {section.title for section in found.report.sections}


def test_one_number_alone_has_no_r2(speeds: Predictor, strange_sounds: Path) -> None:
    data = Dataset.load(strange_sounds, target="rpm")
    found = evaluate(speeds, data.subset([0]))
    assert found.verdict.startswith("All numbers are ")
    json.dumps(found.as_json(), allow_nan=False)
    assert "unknown" in found.report.html()


def test_one_class_alone_is_scored_against_a_guess_among_all(states: Predictor, strange: Dataset) -> None:
    (label, *_) = strange.classes
    found = evaluate(states, strange.subset(np.flatnonzero(strange.labels == label)))
    assert found.chance_level == 1 / len(states.classes)


def test_a_part_of_a_file_is_answered_alone(states: Predictor, strange: Dataset) -> None:
    part = replace(strange.examples[0], start_s=0.1, end_s=0.4)
    found = evaluate(states, replace(strange, examples=(part, strange.examples[1])))
    assert found.predictions[0].end_s == pytest.approx(0.3, abs=0.2)
    assert found.predictions[0] != states.predict(part.file)


def test_what_cannot_be_answered_is_left_out_and_named(states: Predictor, strange: Dataset, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "silent.wav", np.zeros(4000), 8000)
    bad = tuple(replace(strange.examples[0], file=tmp_path / name) for name in ("empty.wav", "silent.wav"))
    found = evaluate(states, replace(strange, examples=(*bad, *strange.examples)))
    assert [failure.file.name for failure in found.failures] == ["empty.wav", "silent.wav"]
    assert len(found.predictions) == 16
    assert "empty.wav" in found.report.html()
    with pytest.raises(DataError, match=r"at least one recording must be answered\. None is; .*empty\.wav"):
        evaluate(states, Dataset((bad[0],), "classify"))


def test_it_is_a_name_of_the_package() -> None:
    assert auricle.evaluate is evaluate
