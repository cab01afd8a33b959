"""Scores of both models on the same recordings."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from auricle.errors import DataError
from auricle.lifecycle.paired_predictions import MIN_BLOCKS, PairedPredictions, Score, score, score_by_class


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


def compared(gains: np.ndarray, groups: np.ndarray, times: np.ndarray | None = None) -> Score:
    """Compare two models of which one is right where its gain is positive, and the other where it is negative."""
    truth = np.full(len(gains), "a")
    champion, challenger = np.where(gains == 1, "b", "a"), np.where(gains == -1, "b", "a")
    return score(PairedPredictions("recent", truth, champion, challenger, groups.astype(str), times))


def test_few_sources_are_tested_by_recordings_and_say_for_whom() -> None:
    gains = np.random.default_rng(0).choice([1, -1, 0], 200, p=[0.2, 0.05, 0.75])
    by_n = {n: compared(gains, np.arange(200) % n) for n in (1, 4, 8)}
    assert [one.tested_by for one in by_n.values()] == ["recording", "recording", "group"]
    assert [one.holds_for for one in by_n.values()] == [" for this source", " for these 4 sources", ""]
    assert all(one.p_better < 0.05 for one in by_n.values())


def test_labels_that_come_in_runs_count_as_blocks_of_time() -> None:
    gains = np.repeat(np.random.default_rng(3).choice([1, -1, 0], 40, p=[0.35, 0.1, 0.55]), 5)
    times = np.datetime64("2026-03-01", "us") + np.arange(200) * np.timedelta64(7, "m")
    shuffled = np.random.default_rng(0).permutation(200)
    in_runs = compared(gains[shuffled], np.zeros(200), times[shuffled])
    alone = compared(gains[shuffled], np.zeros(200))
    assert (in_runs.tested_by, alone.tested_by) == ("time", "recording")
    assert in_runs.n_units < 60
    assert in_runs.p_better > alone.p_better
    assert in_runs.design_effect > 2
