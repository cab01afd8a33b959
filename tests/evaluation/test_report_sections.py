"""Sections render two classes or a hundred, correct and wrong predictions, and numbers."""

from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset, Example
from auricle.evaluation import report_sections
from auricle.evaluation.breakdown import ScoredPredictions
from auricle.reports.html import Block, Gallery, Page, Picture, Section, Table, Text


def scored(n_classes: int, n_each: int, *, wrong: float, seed: int = 0, sites: int = 1) -> ScoredPredictions:
    rng = np.random.default_rng(seed)
    classes = tuple(f"class {i:03}" for i in range(n_classes))
    truth = np.repeat(np.arange(n_classes), n_each)
    predicted = np.where(rng.random(truth.size) < wrong, (truth + 1) % n_classes, truth)
    rows = np.full((truth.size, n_classes), 0.2 / max(n_classes - 1, 1))
    rows[np.arange(truth.size), predicted] = 0.8
    examples = tuple(
        Example(Path(f"{i}.wav"), classes[label], None, f"g{i}", metadata={"site": f"site {i % sites}"})
        for i, label in enumerate(truth)
    )
    return ScoredPredictions(Dataset(examples, "classify"), classes, truth, rows)


def numbers(n: int, seed: int = 0) -> ScoredPredictions:
    rng = np.random.default_rng(seed)
    truth = rng.normal(50, 10, n)
    examples = tuple(Example(Path(f"{i}.wav"), None, value, f"g{i}") for i, value in enumerate(truth.tolist()))
    return ScoredPredictions(Dataset(examples, "regress"), (), truth, (truth + rng.normal(0, 2, n))[:, None])


def shown(*blocks: Block) -> str:
    return Page("t", "v", (Section("s", blocks),)).html()


@pytest.mark.parametrize("n_classes", [2, 20, 21, 100])
def test_many_classes_stay_readable(n_classes: int) -> None:
    table, drawn, pairs = report_sections.classes(scored(n_classes, 10, wrong=0.3))
    assert isinstance(table, Table)
    assert len(table.rows) == min(n_classes, report_sections.MAX_CLASSES)
    assert isinstance(drawn, Picture)
    assert isinstance(pairs, Table)
    assert len(pairs.rows) <= 10
    if n_classes == 100:
        assert table.caption.startswith("The 40 worst of 100 classes by F1.")


def test_no_mistakes_are_no_table() -> None:
    assert len(list(report_sections.classes(scored(3, 5, wrong=0.0)))) == 2
    (text,) = report_sections.worst(scored(3, 5, wrong=0.0))
    assert text == Text("There are none: every recording was predicted correctly.")


def test_calibration_is_drawn_before_and_after() -> None:
    calibrated = scored(3, 20, wrong=0.3)
    assert len(list(report_sections.calibration(calibrated, calibrated))) == 2
    assert len(list(report_sections.calibration(scored(2, 1, wrong=0.0)))) == 2  # too few to draw a single point


def test_numbers_are_drawn() -> None:
    (drawn,) = report_sections.numbers(numbers(40))
    assert isinstance(drawn, Picture)
    assert drawn.caption.startswith("The mean residual is ")


def test_columns_are_drawn_where_there_are_any() -> None:
    (text,) = report_sections.columns(scored(2, 10, wrong=0.2))
    assert isinstance(text, Text)
    text, gallery = report_sections.columns(scored(2, 10, wrong=0.2, sites=3))
    assert text == Text("No value of any column is clearly worse than the rest.")
    assert isinstance(gallery, Gallery)


def test_the_headline_has_intervals_and_the_chance_level() -> None:
    scores = {
        "accuracy": 0.9,
        "balanced_accuracy": 0.8,
        "ci95": [0.85, 0.95],
        "balanced_accuracy_ci95": [0.7, 0.9],
        "baseline": 0.5,
        "n_recordings": 40,
    }
    html = shown(*report_sections.headline(scores, chance_level=0.5))
    for text in ("0.80", "0.70 to 0.90", "0.85 to 0.95", "chance level"):
        assert text in html


def test_undefined_scores_are_unknown() -> None:
    scores = {"r2": float("nan"), "mae": 1.0, "rmse": 2.0, "ci95": [float("-inf"), float("inf")], "baseline": 0.0}
    html = shown(*report_sections.headline(scores | {"n_recordings": 1}, chance_level=None))
    assert html.count("unknown") == 4
    assert ">nan<" not in html
