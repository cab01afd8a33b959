from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset, Example
from auricle.errors import DataError

Labelled = Callable[..., Dataset]


def test_arrays_of_a_classification_dataset(labelled: Labelled) -> None:
    data = labelled(["b", "a", "b"], ["x", "y", "y"], folds=["1", "2", "2"])
    assert data.classes == ("a", "b")
    assert data.labels.tolist() == ["b", "a", "b"]
    assert data.groups.tolist() == ["x", "y", "y"]
    assert data.folds is not None
    assert data.folds.tolist() == ["1", "2", "2"]
    assert np.isnan(data.targets).all()
    assert (len(data), data.n_recordings) == (3, 3)


def test_arrays_of_a_regression_dataset(labelled: Labelled) -> None:
    data = labelled([1.5, 0.0], ["x", "y"])
    assert data.targets.tolist() == [1.5, 0.0]
    assert data.classes == ()
    assert data.folds is None


def test_subset_keeps_task_and_order(labelled: Labelled) -> None:
    data = labelled(["b", "a", "c"], ["x", "y", "z"])
    part = data.subset(np.array([2, 0]))
    assert part.labels.tolist() == ["c", "b"]
    assert part.classes == ("b", "c")
    assert (part.task, part.source, part.group_column) == (data.task, data.source, data.group_column)
    assert data.subset([1]).labels.tolist() == ["a"]


def test_parts_of_one_file_are_one_recording() -> None:
    parts = tuple(Example(Path("a.wav"), "x", None, "a.wav", start_s=s, end_s=s + 1) for s in range(3))
    assert Dataset(parts, "classify").n_recordings == 1


def test_every_example_must_have_a_label_or_target() -> None:
    with pytest.raises(DataError, match=r"at least one example"):
        Dataset((), "classify")
    with pytest.raises(DataError, match=r"must have a target. a.wav has none"):
        Dataset((Example(Path("a.wav"), "x", None, "a"),), "regress")


def test_weights_are_none_if_all_are_equal(labelled: Labelled) -> None:
    data = labelled(["b", "a"], ["x", "y"])
    assert data.weights is None
    lighter = Dataset((data.examples[0], replace(data.examples[1], weight=0.25)), "classify")
    assert lighter.weights is not None
    assert lighter.weights.tolist() == [1.0, 0.25]


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_must_be_above_zero(labelled: Labelled, weight: float) -> None:
    one = replace(labelled(["a"], ["x"]).examples[0], weight=weight)
    with pytest.raises(DataError, match="a weight must be above 0"):
        Dataset((one,), "classify")
