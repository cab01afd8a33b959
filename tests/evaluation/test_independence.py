"""Independent recordings of published folds: a source that never crosses a fold, or sound that is shared."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.datasets.dataset import Dataset, Example
from auricle.evaluation.independence import independent_groups


def folded(names, folds, *, group_column=None, **columns):
    """Make a dataset of recordings by the stems of their files, their folds and their columns."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)] or [{}] * len(
        names
    )
    return Dataset(
        tuple(
            Example(Path(f"{name}.wav"), "ab"[index % 2], None, f"{name}.wav", fold=fold, metadata=row)
            for index, (name, fold, row) in enumerate(zip(names, folds, rows, strict=True))
        ),
        "classify",
        group_column=group_column,
    )


NAMES = ("a1x", "a2y", "a3z", "b1u", "b2v", "b3w")
FOLDS = ("1", "1", "1", "2", "2", "2")


def test_a_column_that_never_crosses_a_fold_is_the_source():
    groups, sentence = independent_groups(
        folded(NAMES, FOLDS, take=("p", "q", "p", "q", "p", "q"), source=("s", "s", "t", "u", "u", "v"))
    )
    assert groups.tolist() == ["s", "s", "t", "u", "u", "v"]
    assert sentence == (
        "The interval counts the column `source`, which never crosses a fold, as the independent groups: there are 4."
    )


def test_the_beginning_of_the_names_is_the_source():
    names = ("1-100-A-0", "1-100-B-0", "1-101-A-3", "2-100-A-3", "2-200-A-3", "2-200-B-1")
    groups, sentence = independent_groups(folded(names, FOLDS))
    assert groups.tolist() == ["1-100", "1-100", "1-101", "2-100", "2-200", "2-200"]
    assert "the beginning of the file names" in sentence


@pytest.mark.parametrize(
    "column",
    [("s", "s", "t", "t", "u", "v"), ("1", "1", "1", "2", "2", "2"), tuple("abcdef"), ("s", "s", "", "u", "u", "v")],
    ids=["crosses a fold", "is the fold", "is the recording", "is not always known"],
)
def test_other_columns_are_no_source(column):
    groups, sentence = independent_groups(folded(NAMES, FOLDS, column=column))
    assert len(set(groups)) == 6
    assert sentence.startswith("The interval assumes that recordings within a fold are independent.")


def test_recordings_that_share_sound_count_as_one():
    groups, sentence = independent_groups(folded(NAMES, FOLDS), [(0, 2), (2, 1)])
    assert len(set(groups[:3])) == 1
    assert len(set(groups)) == 4
    assert sentence.startswith("The interval counts recordings that share sound as one")


def test_named_groups_and_data_without_folds_stay_as_they_are():
    named = folded(NAMES, FOLDS, group_column="machine", source=("s", "s", "t", "u", "u", "v"))
    without = folded(NAMES, (None,) * 6, source=("s", "s", "t", "u", "u", "v"))
    for data in (named, without):
        groups, sentence = independent_groups(data, [(0, 1)])
        assert groups.tolist() == data.groups.tolist()
        assert sentence == ""


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
def test_merged_groups_are_coarser_and_hold_every_pair_together(pairs):
    data = folded([f"x{index}" for index in range(8)], ("1", "2") * 4)
    groups, _ = independent_groups(data, pairs)
    assert all(groups[first] == groups[second] for first, second in pairs)
    assert len(set(groups)) >= 8 - len(pairs)
    assert np.asarray(groups).shape == (8,)
