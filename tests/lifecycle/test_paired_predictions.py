"""Scores of both models on the same recordings."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from auricle.errors import DataError
from auricle.lifecycle.paired_predictions import MIN_BLOCKS, PairedPredictions, score, score_by_class


def made(truth: str, champion: str, challenger: str, groups: list[str] | None = None) -> PairedPredictions:
    """Return paired predictions of one-letter classes."""
    names = groups or [str(i) for i in range(len(truth))]
    labels, first, second = (np.array(list(text)) for text in (truth, champion, challenger))
    return PairedPredictions(where="hold-out", truth=labels, champion=first, challenger=second, groups=np.array(names))


def test_accuracy_and_balanced_accuracy() -> None:
    found = score(made("aaaabb", "aaabbb", "aaaaba"))
    assert (found.champion_accuracy, found.challenger_accuracy) == (pytest.approx(5 / 6), pytest.approx(5 / 6))
    assert (found.champion, found.challenger) == (pytest.approx(0.875), pytest.approx(0.75))
    assert (found.won, found.lost, found.n_recordings, found.n_groups) == (1, 1, 6, 6)


def test_new_class_counts_in_the_paired_test_only() -> None:
    found = score(made("aabbnn", "aabbab", "aabbnn"), new_classes=("n",))
    assert (found.champion, found.challenger, found.won) == (1.0, 1.0, 2)
    assert [
        one.label for one in score_by_class(made("aabbnn", "aabbab", "aabbnn"), ("n",), rate=0.05, margin=0.02)
    ] == [
        "a",
        "b",
    ]


def test_regression_is_scored_by_mean_absolute_error() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    champion, challenger = truth + 1, truth - np.array([0, 0, 2])
    one = PairedPredictions(
        where="recent", truth=truth, champion=champion, challenger=challenger, groups=np.array(["a", "b", "c"])
    )
    found = score(one)
    assert (found.champion, found.challenger, found.won, found.lost) == (1.0, pytest.approx(2 / 3), 2, 1)
    assert found.champion_accuracy is None
    assert list(score_by_class(one, rate=0.05, margin=0.02)) == []


def test_enough_groups_are_tested_as_blocks() -> None:
    few = ["left", "right"] * 10
    assert score(made("a" * 20, "b" * 20, "a" * 20, few)).tested_by == "recording"
    enough = [f"{i % MIN_BLOCKS}" for i in range(20)]
    found = score(made("a" * 20, "b" * 20, "a" * 20, enough))
    assert (found.tested_by, found.p_better) == ("group", pytest.approx(0.5**MIN_BLOCKS))


def test_class_has_fallen_only_beyond_margin_and_significance() -> None:
    truth, champion = "a" * 40 + "b" * 40, "a" * 40 + "b" * 40
    by_chance, clearly = ("a" * 40 + "b" * (40 - lost) + "a" * lost for lost in (3, 12))
    assert not any(one.has_fallen for one in score_by_class(made(truth, champion, by_chance), rate=0.05, margin=0.02))
    fallen = [one for one in score_by_class(made(truth, champion, clearly), rate=0.05, margin=0.02) if one.has_fallen]
    assert [(one.label, one.lost, one.won) for one in fallen] == [("b", 12, 0)]
    assert not any(one.has_fallen for one in score_by_class(made(truth, champion, clearly), rate=0.05, margin=0.4))


def test_predictions_of_different_lengths_are_refused(make_paired: Callable[..., PairedPredictions]) -> None:
    one = make_paired(np.random.default_rng(0))
    with pytest.raises(DataError, match="must predict the same recordings of the hold-out"):
        replace(one, champion=one.champion[:-1])
