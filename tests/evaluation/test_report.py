"""The page of an evaluation: its tone follows the kind of the verdict and the training set, its sections the task."""

from dataclasses import replace
from pathlib import Path

import pytest

from auricle.datasets.dataset import Dataset
from auricle.evaluation.evaluate import Evaluation, evaluate
from auricle.evaluation.report import build_report
from auricle.evaluation.scores import Verdict
from auricle.prediction.predictor import Predictor
from auricle.training.train import TrainResult


@pytest.fixture(scope="module")
def evaluated(states: Predictor, trained_on_states: TrainResult) -> Evaluation:
    """An evaluation on the first 8 training recordings."""
    return evaluate(states, trained_on_states.dataset.subset(range(8)))


def with_verdict(evaluation: Evaluation, kind: str) -> Evaluation:
    """The same evaluation as if no recording were in the training set, with another kind of verdict."""
    changed = replace(evaluation, in_training=evaluation.in_training & False)
    changed.__dict__["compared"] = Verdict(kind, "Any prose.")
    return changed


@pytest.mark.parametrize(
    ("kind", "tone", "is_refused"),
    [("better", "good", False), ("no_better", "serious", True), ("cannot_say", "warning", False)],
)
def test_tone_and_advice_follow_the_kind_of_the_verdict(
    evaluated: Evaluation, kind: str, tone: str, *, is_refused: bool
) -> None:
    page = build_report(with_verdict(evaluated, kind))
    assert (page.tone, page.verdict) == (tone, "Any prose.")
    assert ("Do not use this model." in page.html()) == is_refused


def test_training_recordings_are_listed(evaluated: Evaluation) -> None:
    page = build_report(evaluated)
    html = page.html()
    assert page.tone == "serious"
    assert "8 of 8 recordings were in the training set" in html
    assert "Score the model on recordings not seen in training" in html


def test_unknown_classes_and_failed_files_are_named(states: Predictor, evaluated: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    known = evaluated.dataset.examples
    examples = (replace(known[0], label="whistle"), replace(known[1], file=tmp_path / "empty.wav"), *known[2:])
    html = build_report(evaluate(states, replace(evaluated.dataset, examples=examples))).html()
    assert "&#39;whistle&#39;" in html
    assert "empty.wav" in html
    assert "1 recordings that cannot be predicted." in html


@pytest.mark.usefixtures("drawn")
def test_sections_follow_the_task(speeds: Predictor, evaluated: Evaluation, machine_sounds: Path) -> None:
    titles = [section.title for section in build_report(evaluated).sections]
    assert titles[2:5] == ["Performance by class", "Calibration (reliability diagram)", "Performance by subgroup"]
    numbers = Dataset.load(machine_sounds, target="rpm", group="machine").subset(range(1))
    page = build_report(evaluate(speeds, numbers))
    assert "Predicted and true numbers" in [section.title for section in page.sections]
    assert "unknown" in page.html()
