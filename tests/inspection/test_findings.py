"""Findings are sorted, and name files and labels as a reader would."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.datasets.dataset import Dataset
from auricle.inspection.findings import (
    Finding,
    file_name,
    is_label_copy,
    label_texts,
    listed,
    name_of,
    sort,
    split_units,
)


def test_sort_puts_the_most_severe_first_and_is_stable() -> None:
    findings = [
        Finding("a", "note", ""),
        Finding("b", "serious", ""),
        Finding("c", "note", ""),
        Finding("d", "warning", ""),
    ]
    assert [finding.kind for finding in sort(findings)] == ["b", "d", "a", "c"]


def test_a_finding_is_a_json_object() -> None:
    finding = Finding("clipping", "warning", "Too loud.", (Path("a.wav"),))
    assert finding.as_json() == {
        "kind": "clipping",
        "severity": "warning",
        "message": "Too loud.",
        "files": ["a.wav"],
    }


def test_files_are_named_from_the_data_set(labelled: Callable[..., Dataset]) -> None:
    dataset = replace(labelled(["a"], ["g"]), source="sounds")
    example = replace(dataset.examples[0], file=Path("sounds/clips/a.wav"))
    assert name_of(dataset, example) == "clips/a.wav"
    assert name_of(replace(dataset, source="sounds/metadata.csv"), example) == "clips/a.wav"
    assert name_of(dataset, replace(example, start_s=1.5, end_s=2.0)) == "clips/a.wav from 1.5 s to 2 s"
    assert name_of(dataset, replace(example, start_s=1.5)) == "clips/a.wav from 1.5 s"
    assert file_name(dataset, Path("/elsewhere/a.wav")) == "/elsewhere/a.wav"


def test_long_lists_are_cut() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c, and 2 more"
    assert listed(["a", "b", "c"], most=2, between="; ") == "a; b; and 1 more"


def test_split_units_are_folds_or_groups(labelled: Callable[..., Dataset]) -> None:
    grouped = labelled(["a", "b"], ["g", "h"])
    assert split_units(grouped)[1] == "`site`"
    assert split_units(replace(grouped, group_column=None))[1] == "file"
    folds, by = split_units(labelled(["a", "b"], ["g", "h"], ["1", "2"]))
    assert (folds.tolist(), by) == (["1", "2"], "published fold")


def test_label_texts_are_text(labelled: Callable[..., Dataset]) -> None:
    assert label_texts(labelled(["a", "b"], ["g", "h"])) == ["a", "b"]
    assert label_texts(labelled([30.0, 0.5], ["g", "h"])) == ["30", "0.5"]


@pytest.mark.parametrize(
    ("column", "labels", "same"),
    [
        (["Dog", "cat "], ["dog", "cat"], True),
        (["0", "1"], ["dog", "cat"], True),
        (["20.0", "30"], ["20", "30"], True),
        (["phone", "tape"], ["dog", "cat"], False),
        (["0", "0"], ["dog", "cat"], False),
        (["a", "b"], ["dog", "dog"], False),
    ],
)
def test_copies_of_the_label_are_recognised(column: list[str], labels: list[str], *, same: bool) -> None:
    assert is_label_copy(column, labels) is same
