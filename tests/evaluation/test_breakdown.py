"""The breakdown by class, column and confidence, on predictions small enough to check by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset, Example
from auricle.evaluation.breakdown import (
    ScoredPredictions,
    by_class,
    by_column,
    confused,
    confusion,
    mistakes,
    reliability,
    summary,
)

CLASSES = ("cat", "dog", "owl")


def dataset(targets, *, groups=None, **columns):
    groups = groups or [str(i) for i in range(len(targets))]
    examples = tuple(
        Example(
            Path(f"{i}.wav"),
            target if isinstance(target, str) else None,
            None if isinstance(target, str) else target,
            groups[i],
            metadata={name: values[i] for name, values in columns.items()},
        )
        for i, target in enumerate(targets)
    )
    return Dataset(examples, "classify" if isinstance(targets[0], str) else "regress")


def scored(truth, predicted, confidence=0.8, **columns):
    """Predictions by class name, each with a confidence; the other classes share the rest."""
    confidences = np.broadcast_to(confidence, len(truth))
    rows = np.empty((len(truth), len(CLASSES)))
    for row, name, probability in zip(rows, predicted, confidences, strict=True):
        row[:] = (1 - probability) / (len(CLASSES) - 1)
        row[CLASSES.index(name)] = probability
    return ScoredPredictions(
        dataset(truth, **columns), CLASSES, np.array([CLASSES.index(name) for name in truth]), rows
    )


def numbers(truth, predicted, **columns):
    return ScoredPredictions(
        dataset(list(truth), **columns), (), np.array(truth), np.array(predicted, np.float64)[:, None]
    )


def test_each_class_that_occurs_is_scored() -> None:
    cat, dog = by_class(scored(["cat", "cat", "cat", "dog"], ["cat", "cat", "dog", "dog"]))
    assert (cat.label, cat.n, cat.n_groups) == ("cat", 3, 3)
    assert (cat.recall, cat.precision, cat.f1) == pytest.approx((2 / 3, 1.0, 0.8))
    assert (dog.recall, dog.precision, dog.f1) == pytest.approx((1.0, 0.5, 2 / 3))
    assert cat.ci95[0] < cat.recall < cat.ci95[1]


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    (cat,) = by_class(scored(["cat"] * 4, ["dog"] * 4))
    assert (cat.recall, cat.precision, cat.f1) == (0.0, 0.0, 0.0)


def test_confusion_has_a_row_for_each_true_class() -> None:
    found = scored(["cat", "cat", "dog", "owl"], ["cat", "owl", "dog", "cat"])
    assert confusion(found).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert confused(found) == [("cat", "owl", 1), ("owl", "cat", 1)]
    assert confused(found, most=1) == [("cat", "owl", 1)]


def test_the_most_confident_mistakes_come_first() -> None:
    found = scored(["cat", "cat", "dog", "owl"], ["dog", "cat", "cat", "dog"], [0.6, 0.99, 0.9, 0.7])
    worst = mistakes(found)
    assert [(wrong.file, wrong.truth, wrong.answer) for wrong in worst] == [
        ("2.wav", "dog", "cat"),
        ("3.wav", "owl", "dog"),
        ("0.wav", "cat", "dog"),
    ]
    assert worst[0].confidence == pytest.approx(0.9)
    assert len(mistakes(found, most=2)) == 2


def test_the_largest_errors_come_first() -> None:
    found = mistakes(numbers([1.0, 2.0, 3.0], [1.5, -2.0, 3.1]))
    assert [(wrong.file, wrong.truth, wrong.answer) for wrong in found] == [
        ("1.wav", "2", "-2"),
        ("0.wav", "1", "1.5"),
        ("2.wav", "3", "3.1"),
    ]
    assert found[0].error == pytest.approx(-4.0)


def test_a_clearly_worse_value_is_marked() -> None:
    truth = ["cat", "dog"] * 40
    site = ["here"] * 60 + ["there"] * 20
    predicted = [name if value == "here" else "owl" for name, value in zip(truth, site, strict=True)]
    parts = by_column(scored(truth, predicted, site=site))["site"]
    assert [(part.value, part.n, part.score, part.is_worse) for part in parts] == [
        ("there", 20, 0.0, True),
        ("here", 60, 1.0, False),
    ]


def test_few_recordings_are_never_marked_as_worse() -> None:
    found = scored(["cat"] * 44, ["cat"] * 40 + ["dog"] * 4, site=["a"] * 40 + ["b"] * 4)
    assert not any(part.is_worse for part in by_column(found)["site"])


def test_numbers_are_broken_down_by_their_error(rng: np.random.Generator) -> None:
    truth = rng.normal(size=80)
    site = ["a"] * 40 + ["b"] * 40
    predicted = truth + np.where(np.array(site) == "b", 5.0, 0.1) * rng.choice([-1, 1], 80)
    worse, better = by_column(numbers(truth, predicted, site=site))["site"]
    assert (worse.value, worse.is_worse, better.is_worse) == ("b", True, False)
    assert (worse.score, better.score) == pytest.approx((5.0, 0.1))
    assert better.r2 == pytest.approx(1 - 0.01 / np.var(truth[:40]))


def test_a_value_that_is_one_group_is_judged_by_its_recordings() -> None:
    machine = ["m1"] * 20 + ["m2"] * 20 + ["m3"] * 20
    truth, predicted = ["cat"] * 60, ["dog"] * 18 + ["cat"] * 42
    found = scored(truth, predicted, groups=machine, machine=machine)
    worst, *others = by_column(found)["machine"]
    assert (worst.value, worst.n_groups, worst.is_worse) == ("m1", 1, False)
    assert 0 < worst.ci95[0] < worst.score < worst.ci95[1] < 0.4
    assert not any(part.is_worse for part in others)
    pair = by_column(scored(truth[:40], predicted[:40], groups=machine[:40], machine=machine[:40]))["machine"]
    assert [part.is_worse for part in pair] == [True, False]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["same"] * 30, id="one value"),
        pytest.param([str(i) for i in range(30)], id="a value for each recording"),
        pytest.param(["cat", "dog"] * 15, id="the label again"),
    ],
)
def test_uninformative_columns_are_left_out(values: list[str]) -> None:
    assert by_column(scored(["cat", "dog"] * 15, ["cat"] * 30, column=values)) == {}


def test_empty_cells_are_a_value() -> None:
    parts = by_column(scored(["cat", "dog"] * 2, ["cat"] * 4, site=["", "", "a", "a"]))["site"]
    assert {part.value for part in parts} == {"(empty)", "a"}


def test_reliability_compares_confidence_with_accuracy() -> None:
    groups = np.array([str(i) for i in range(8)])
    confidence = np.array([0.55, 0.55, 0.55, 0.55, 0.95, 0.95, 0.95, 1.0])
    low, high = reliability(confidence, np.array([1, 0, 1, 0, 1, 1, 1, 1], bool), groups)
    assert (low.low, low.high, low.n, low.confidence, low.accuracy) == pytest.approx((0.5, 0.6, 4, 0.55, 0.5))
    assert (high.low, high.n, high.accuracy) == (0.9, 4, 1.0)
    assert high.ci95[0] < 0.7


def test_the_summary_is_json() -> None:
    found = scored(["cat", "dog"] * 4, ["cat"] * 8, site=["a", "a", "b", "b"] * 2)
    shown = json.loads(json.dumps(summary(found), allow_nan=False))
    assert shown.keys() == {"by_class", "by_column", "confusion", "reliability", "mistakes"}
    assert shown["mistakes"][0] == {"file": "1.wav", "truth": "dog", "answer": "cat", "confidence": 0.8}
    shown = json.loads(json.dumps(summary(numbers([1.0, 2.0], [1.0, 1.0], site=["a", "b"])), allow_nan=False))
    assert shown.keys() == {"by_column", "mistakes"}
    assert shown["by_column"]["site"][0]["ci95"] is None


def test_parts_of_a_file_are_named_with_their_times() -> None:
    found = scored(["cat"], ["dog"])
    example = replace(found.dataset.examples[0], start_s=1.0, end_s=2.5)
    part = replace(found, dataset=replace(found.dataset, examples=(example,)))
    assert mistakes(part)[0].file == "0.wav from 1 s to 2.5 s"
