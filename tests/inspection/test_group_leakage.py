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
    """Rows that tell the speaker more than the word."""
    speakers, takes = rng.standard_normal((6, 8)), 0.2 * rng.standard_normal((N, 8))
    return (speakers[np.arange(N) // 2 % 6] + takes).astype(np.float32)


def test_a_column_that_nobody_grouped_by_is_named(words: Dataset, voices: NDArray[np.float32]) -> None:
    (finding,) = find_group_leakage(words, voices)
    assert finding.kind == "kinship"
    assert finding.severity == "warning"
    assert "same `speaker` sound alike, and split by file" in finding.message
    assert "where others will be heard, group by `speaker`." in finding.message
    assert "100% have their nearest neighbour among their kin, where chance gives 1" in finding.message


def test_grouping_by_it_settles_it(words: Dataset, voices: NDArray[np.float32]) -> None:
    examples = tuple(replace(e, group=e.metadata["speaker"]) for e in words.examples)
    assert list(find_group_leakage(replace(words, examples=examples, group_column="speaker"), voices)) == []


def test_folds_that_keep_kin_together_settle_it(words: Dataset, voices: NDArray[np.float32]) -> None:
    kept = tuple(replace(e, fold=e.metadata["speaker"]) for e in words.examples)
    torn = tuple(replace(e, fold=str(i % 5)) for i, e in enumerate(words.examples))
    assert list(find_group_leakage(replace(words, examples=kept), voices)) == []
    (finding,) = find_group_leakage(replace(words, examples=torn), voices)
    assert finding.severity == "note"  # folds were chosen
    assert "split by published fold" in finding.message


def test_chance_gives_no_finding(words: Dataset, rng: np.random.Generator) -> None:
    for _ in range(10):
        assert list(find_group_leakage(words, rng.standard_normal((N, 8)).astype(np.float32))) == []


def test_sounds_of_one_class_are_no_kin_for_that(words: Dataset, rng: np.random.Generator) -> None:
    """A column that follows the class is no session, however alike the class sounds."""
    examples = tuple(replace(e, metadata={"device": f"{e.label}{i // 2 % 3}"}) for i, e in enumerate(words.examples))
    rows = np.where(words.labels[:, None] == "yes", 5.0, -5.0) + 0.1 * rng.standard_normal((N, 8))
    assert list(find_group_leakage(replace(words, examples=examples), rows.astype(np.float32))) == []


def named(dataset: Dataset, names: Sequence[str]) -> Dataset:
    examples = tuple(replace(e, file=Path(n), metadata={}) for e, n in zip(dataset.examples, names, strict=True))
    return replace(dataset, examples=examples)


def test_without_columns_the_file_names_are_asked(words: Dataset, voices: NDArray[np.float32]) -> None:
    pieces = [f"session_{'abcdef'[i // 2 % 6]}_{i:03}.wav" for i in range(N)]
    (finding,) = find_group_leakage(named(words, pieces), voices)
    assert "beginning of the file name" in finding.message
    assert "group by a column that says what they come from." in finding.message
    assert list(find_group_leakage(named(words, [f"{i}.wav" for i in range(N)]), voices)) == []


def test_duplicates_are_no_neighbours(words: Dataset, rng: np.random.Generator) -> None:
    rows = rng.standard_normal((N, 8)).astype(np.float32)
    rows[1::12] = rows[::12]  # pairs of one speaker, reported as duplicates already
    pairs = [Duplicate(i, i + 1, "same samples") for i in range(0, N, 12)]
    _, neighbours = module._nearest(rows, words.groups, pairs)
    assert not np.any(neighbours[::12] == np.arange(1, N, 12))


def test_of_many_recordings_some_are_asked(
    words: Dataset, voices: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ASKED", 50)
    monkeypatch.setattr(module, "CHUNK", 7)
    assert len(module._nearest(voices, words.groups, ())[0]) == 50
    assert len(list(find_group_leakage(words, voices))) == 1


def test_numbers_are_shuffled_among_their_like(labelled: Callable[..., Dataset], voices: NDArray[np.float32]) -> None:
    dataset = labelled([float(i % 10) for i in range(N)], [f"r{i}" for i in range(N)])
    examples = tuple(replace(e, metadata={"machine": f"m{i // 2 % 6}"}) for i, e in enumerate(dataset.examples))
    (finding,) = find_group_leakage(replace(dataset, examples=examples), voices)
    assert "`machine`" in finding.message


def test_too_few_kin_say_nothing() -> None:
    values, sides = np.arange(10) // 2, np.array([str(i) for i in range(10)])
    assert group_leakage(values, np.zeros(10, int), sides, np.arange(10), np.arange(10) ^ 1) is None
