"""Kin that no group keeps together are found by their neighbours; chance is not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.inspection import group_leakage as module
from auricle.inspection.duplicates import Duplicate
from auricle.inspection.group_leakage import find_group_leakage, group_leakage

N = 120


@pytest.fixture
def words(labelled: Callable[..., Dataset]) -> Dataset:
    """Two words by six speakers, ten times each; every recording its own group."""
    dataset = labelled(["yes", "no"] * 60, [f"r{i}" for i in range(N)])
    examples = tuple(replace(e, metadata={"speaker": f"s{i // 2 % 6}"}) for i, e in enumerate(dataset.examples))
    return replace(dataset, examples=examples, group_column=None)


@pytest.fixture
def voices(rng: np.random.Generator) -> NDArray[np.float32]:
    """Rows that depend on the speaker more than on the word."""
    speakers, takes = rng.standard_normal((6, 8)), 0.2 * rng.standard_normal((N, 8))
    return (speakers[np.arange(N) // 2 % 6] + takes).astype(np.float32)


def test_leaking_column_is_named(words: Dataset, voices: NDArray[np.float32]) -> None:
    (finding,) = find_group_leakage(words, voices)
    assert finding.kind == "kinship"
    assert finding.severity == "warning"
    assert "same `speaker` sound alike, and a split by file" in finding.message
    assert "if the model will meet new ones, group by `speaker`." in finding.message
    assert "the nearest neighbour of 100% has the same `speaker`, by chance 1" in finding.message


def test_grouping_by_the_column_gives_no_finding(words: Dataset, voices: NDArray[np.float32]) -> None:
    examples = tuple(replace(e, group=e.metadata["speaker"]) for e in words.examples)
    assert list(find_group_leakage(replace(words, examples=examples, group_column="speaker"), voices)) == []


def test_folds_that_keep_the_column_together_have_no_finding(words: Dataset, voices: NDArray[np.float32]) -> None:
    kept = tuple(replace(e, fold=e.metadata["speaker"]) for e in words.examples)
    torn = tuple(replace(e, fold=str(i % 5)) for i, e in enumerate(words.examples))
    assert list(find_group_leakage(replace(words, examples=kept), voices)) == []
    (finding,) = find_group_leakage(replace(words, examples=torn), voices)
    assert finding.severity == "note"  # folds were chosen
    assert "split by published fold" in finding.message


def test_random_rows_give_no_finding(words: Dataset, rng: np.random.Generator) -> None:
    for _ in range(10):
        assert list(find_group_leakage(words, rng.standard_normal((N, 8)).astype(np.float32))) == []


def test_likeness_within_a_class_is_not_leakage(words: Dataset, rng: np.random.Generator) -> None:
    """A column that follows the class is no session, however alike the class sounds."""
    examples = tuple(replace(e, metadata={"device": f"{e.label}{i // 2 % 3}"}) for i, e in enumerate(words.examples))
    rows = np.where(words.labels[:, None] == "yes", 5.0, -5.0) + 0.1 * rng.standard_normal((N, 8))
    assert list(find_group_leakage(replace(words, examples=examples), rows.astype(np.float32))) == []


def named(dataset: Dataset, names: Sequence[str]) -> Dataset:
    examples = tuple(replace(e, file=Path(n), metadata={}) for e, n in zip(dataset.examples, names, strict=True))
    return replace(dataset, examples=examples)


def test_without_columns_file_names_are_used(words: Dataset, voices: NDArray[np.float32]) -> None:
    pieces = [f"session_{'abcdef'[i // 2 % 6]}_{i:03}.wav" for i in range(N)]
    (finding,) = find_group_leakage(named(words, pieces), voices)
    assert "beginning of the file name" in finding.message
    assert "group by a column of their origin." in finding.message
    assert list(find_group_leakage(named(words, [f"{i}.wav" for i in range(N)]), voices)) == []


def test_duplicates_are_no_neighbours(words: Dataset, rng: np.random.Generator) -> None:
    rows = rng.standard_normal((N, 8)).astype(np.float32)
    rows[1::12] = rows[::12]  # pairs of one speaker, reported as duplicates already
    pairs = [Duplicate(i, i + 1, "same samples") for i in range(0, N, 12)]
    _, neighbours = module._nearest(rows, words.groups, pairs)
    assert not np.any(neighbours[::12] == np.arange(1, N, 12))


def test_many_recordings_are_sampled(
    words: Dataset, voices: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_QUERIES", 50)
    monkeypatch.setattr(module, "CHUNK", 7)
    assert len(module._nearest(voices, words.groups, ())[0]) == 50
    assert len(list(find_group_leakage(words, voices))) == 1


def test_targets_are_shuffled_within_strata(labelled: Callable[..., Dataset], voices: NDArray[np.float32]) -> None:
    dataset = labelled([float(i % 10) for i in range(N)], [f"r{i}" for i in range(N)])
    examples = tuple(replace(e, metadata={"machine": f"m{i // 2 % 6}"}) for i, e in enumerate(dataset.examples))
    (finding,) = find_group_leakage(replace(dataset, examples=examples), voices)
    assert "`machine`" in finding.message


def test_too_few_related_recordings_give_none() -> None:
    values, sides = np.arange(10) // 2, np.array([str(i) for i in range(10)])
    assert group_leakage(values, np.zeros(10, int), sides, np.arange(10), np.arange(10) ^ 1) is None
