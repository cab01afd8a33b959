"""Scores of both models on the same recordings."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from auricle.errors import DataError
from auricle.lifecycle.paired_predictions import MIN_BLOCKS, N_BLOCKS, PairedPredictions, Score, score, score_by_class


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
    assert [one.holds_for for one in by_n.values()] == ["this source", "these 4 sources", ""]
    assert all(one.p_better < 0.05 for one in by_n.values())


def test_labels_that_come_in_runs_count_as_blocks_of_time() -> None:
    gains = np.repeat(np.random.default_rng(3).choice([1, -1, 0], 40, p=[0.35, 0.1, 0.55]), 5)
    times = np.datetime64("2026-03-01", "us") + np.arange(200) * np.timedelta64(7, "m")
    shuffled = np.random.default_rng(0).permutation(200)
    in_runs = compared(gains[shuffled], np.zeros(200), times[shuffled])
    alone = compared(gains[shuffled], np.zeros(200))
    assert (in_runs.tested_by, alone.tested_by) == ("time", "recording")
    assert in_runs.n_units <= N_BLOCKS
    assert in_runs.p_better > alone.p_better
    assert in_runs.design_effect > 2


def test_blocks_of_time_hold_the_recordings_of_all_sources() -> None:
    """What happens at one time is heard by several sources: four copies of a series are worth one."""
    gains = np.random.default_rng(3).choice([1, -1, 0], 50, p=[0.35, 0.15, 0.5])
    times = np.datetime64("2026-03-01", "us") + np.arange(50) * np.timedelta64(30, "m")
    one = compared(gains, np.zeros(50), times)
    four = compared(np.tile(gains, 4), np.repeat(np.arange(4), 50), np.tile(times, 4))
    assert four.n_units <= N_BLOCKS + 1
    assert four.p_better == pytest.approx(one.p_better, rel=1.0)


def test_gain_of_one_event_that_many_groups_heard_is_not_shared() -> None:
    times = np.datetime64("2026-03-01", "us") + np.arange(200) * np.timedelta64(7, "m")
    at_once, all_day = np.zeros(200, int), np.zeros(200, int)
    at_once[100:120] = all_day[::10] = 1
    found = [compared(gains, np.arange(200) * 7 % 20, times) for gains in (at_once, all_day)]
    assert [one.tested_by for one in found] == ["group", "group"]
    assert found[0].p_better < 0.01
    assert [one.is_shared for one in found] == [False, True]


def test_neighbouring_blocks_that_are_alike_are_joined() -> None:
    rng = np.random.default_rng(0)
    times = np.datetime64("2026-03-01", "us") + np.arange(400) * np.timedelta64(3, "m")
    slow = np.repeat([1, 1, -1, 1, -1, -1, 1], 60)[:400]
    assert compared(np.where(rng.random(400) < 0.6, slow, 0), np.zeros(400), times).n_units == N_BLOCKS // 2
