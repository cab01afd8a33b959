"""Each step of the advice follows from one property of the predictions, the data or the findings."""

from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure
from auricle.errors import AudioError
from auricle.evaluation.advice import next_steps
from auricle.evaluation.breakdown import ScoredPredictions
from auricle.inspection.findings import Finding


def scored(truth, predicted, confidence=0.8, *, group_column="site"):
    names = ("a", "b")
    examples = tuple(Example(Path(f"{i}.wav"), name, None, f"g{i}") for i, name in enumerate(truth))
    rows = np.array(
        [[confidence, 1 - confidence] if name == "a" else [1 - confidence, confidence] for name in predicted]
    )
    index = np.array([names.index(name) for name in truth])
    return ScoredPredictions(Dataset(examples, "classify", group_column=group_column), names, index, rows)


GOOD = scored(["a", "b"] * 20, ["a", "b"] * 20)


def steps(predictions=GOOD, *, interval=(0.9, 1.0), is_useful=True, **options):
    return list(next_steps(predictions, interval=interval, is_useful=is_useful, **options))


def test_a_good_model_needs_no_step():
    assert steps() == []


def test_serious_findings_come_first():
    findings = (Finding("contradiction", "serious", ""), Finding("kinship", "warning", ""))
    first, second = steps(findings=findings, is_useful=False)
    assert first == "Fix this first; until then no score can be trusted: contradiction."
    assert second.startswith("Do not use this model.")


def test_a_frequent_confusion_is_named():
    predicted = ["b"] * 4 + ["a"] * 16 + ["b"] * 20
    (step,) = steps(scored(["a"] * 20 + ["b"] * 20, predicted))
    assert step.startswith("Listen to 'a' and 'b' side by side: 4 of 20 recordings of the first ")


def test_one_class_predicted_for_everything_is_named():
    (step,) = steps(scored(["a"] * 36 + ["b"] * 4, ["a"] * 40))
    assert step.startswith("Almost every prediction is 'a'; 36 of 40 recordings are.")
    assert "--balance" in step


@pytest.mark.parametrize(("n", "which"), [(1, "1 recording"), (2, "2 recordings")])
def test_confident_mistakes_may_be_wrong_labels(n, which):
    (step,) = steps(scored(["a"] * 20 + ["b"] * 20, ["b"] * n + ["a"] * (20 - n) + ["b"] * 20, 0.95))
    assert step.startswith(f"Check the label of {which} predicted as another class with a confidence of 0.9")


def test_rare_classes_are_named():
    (step,) = steps(scored(["a"] * 20 + ["b"] * 5, ["a"] * 20 + ["b"] * 5))
    assert step == "Record more of the classes with fewer than 10 recordings: 'b' (5)."


def test_a_wide_interval_calls_for_more_groups():
    (step,) = steps(interval=(0.5, 0.9))
    wanted = "Label recordings of at least 20 more values of `site`: with 40, the score's 95% interval "
    assert step == f"{wanted}spans 0.50 to 0.90."
    assert steps(interval=(-np.inf, np.inf)) == []


def test_the_sentence_of_the_learning_curve_is_a_step():
    assert steps(more_data="More data is worth it.") == ["More data is worth it."]
    assert steps() == []


def test_a_group_column_is_asked_for_in_training_only():
    alone = scored(["a", "b"] * 20, ["a", "b"] * 20, group_column=None)
    (step,) = steps(alone)
    assert "name that column with `--group`" in step
    assert steps(alone, in_training=False) == []


def test_failed_recordings_are_counted():
    (step,) = steps(failures=[Failure(Path("x.wav"), AudioError("x.wav: no"))])
    assert step == "Repair or remove the recordings that could not be used: 1."


def test_a_shortcut_calls_for_other_conditions():
    (step,) = steps(findings=[Finding("shortcut", "warning", "")])
    assert step.startswith("Record every class under every condition")
