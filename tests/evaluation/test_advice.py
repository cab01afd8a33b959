"""Advice follows from what was found, and from nothing else."""

from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure
from auricle.errors import AudioError
from auricle.evaluation.advice import next_steps
from auricle.evaluation.breakdown import ScoredPredictions
from auricle.inspection.findings import Finding


def answered(truth, said, confidence=0.8, *, group_column="site"):
    names = ("a", "b")
    examples = tuple(Example(Path(f"{i}.wav"), name, None, f"g{i}") for i, name in enumerate(truth))
    rows = np.array([[confidence, 1 - confidence] if name == "a" else [1 - confidence, confidence] for name in said])
    index = np.array([names.index(name) for name in truth])
    return ScoredPredictions(Dataset(examples, "classify", group_column=group_column), names, index, rows)


GOOD = answered(["a", "b"] * 20, ["a", "b"] * 20)


def steps(given=GOOD, *, interval=(0.9, 1.0), is_useful=True, **options):
    return list(next_steps(given, interval=interval, is_useful=is_useful, **options))


def test_nothing_to_say_of_a_good_model():
    assert steps() == []


def test_what_is_serious_comes_first():
    findings = (Finding("contradiction", "serious", ""), Finding("kinship", "warning", ""))
    first, second = steps(findings=findings, is_useful=False)
    assert first == "Mend this first, for no score means anything while it is there: contradiction."
    assert second.startswith("Do not use this model.")


def test_a_pair_that_is_taken_for_each_other_is_named():
    said = ["b"] * 4 + ["a"] * 16 + ["b"] * 20
    (step,) = steps(answered(["a"] * 20 + ["b"] * 20, said))
    assert step.startswith("Listen to 'a' and 'b' side by side: 4 of 20 recordings of the first ")


def test_one_answer_to_everything_is_said_to_be_so():
    (step,) = steps(answered(["a"] * 36 + ["b"] * 4, ["a"] * 40))
    assert step.startswith("Almost every answer is 'a', and 36 of 40 recordings are.")
    assert "--balance" in step


@pytest.mark.parametrize(("n", "which"), [(1, "1 recording that was"), (2, "2 recordings that were")])
def test_sure_mistakes_may_be_wrong_labels(n, which):
    (step,) = steps(answered(["a"] * 20 + ["b"] * 20, ["b"] * n + ["a"] * (20 - n) + ["b"] * 20, 0.95))
    assert step.startswith(f"Check the label of {which} answered otherwise")


def test_rare_classes_are_named():
    (step,) = steps(answered(["a"] * 20 + ["b"] * 5, ["a"] * 20 + ["b"] * 5))
    assert step == "Record more of the classes with fewer than 10 recordings: 'b' (5)."


def test_a_wide_interval_asks_for_groups():
    (step,) = steps(interval=(0.5, 0.9))
    assert step == "Test on more groups: the score's interval spans 0.50 to 0.90, for there are only 40 to judge by."
    assert steps(interval=(-np.inf, np.inf)) == []


def test_the_curve_speaks_for_itself():
    assert steps(more_data="More data is worth it.") == ["More data is worth it."]
    assert steps() == []


def test_groups_are_asked_for_in_training_only():
    alone = answered(["a", "b"] * 20, ["a", "b"] * 20, group_column=None)
    (step,) = steps(alone)
    assert "name that column with `--group`" in step
    assert steps(alone, in_training=False) == []


def test_what_could_not_be_used_is_counted():
    (step,) = steps(failures=[Failure(Path("x.wav"), AudioError("x.wav: no"))])
    assert step == "Repair or remove what could not be used: 1 of the recordings."


def test_a_shortcut_is_to_be_broken():
    (step,) = steps(findings=[Finding("shortcut", "warning", "")])
    assert step.startswith("Record every class under every condition")
