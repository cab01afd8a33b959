"""Promotion gates: error rates, power, and sentences."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auricle.lifecycle.paired_predictions import PairedPredictions
from auricle.lifecycle.promotion import MARGIN, MIN_RECORDINGS, RATE, decide_promotion

MakePaired = Callable[..., PairedPredictions]


def promoted(
    make_paired: MakePaired, n_draws: int, hold_out: dict[str, float], recent: dict[str, float] | None
) -> float:
    """Return how often the challenger is promoted."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(n_draws):
        other = None if recent is None else make_paired(rng, where="recent", n=40, **recent)
        found.append(decide_promotion(make_paired(rng, **hold_out), other).is_better)
    return float(np.mean(found))


@pytest.mark.parametrize("with_recent", [False, True])
def test_equal_challenger_is_promoted_at_most_at_the_rate(make_paired: MakePaired, *, with_recent: bool) -> None:
    equal = {"champion": 0.8, "challenger": 0.8}
    assert promoted(make_paired, 400, equal, equal if with_recent else None) <= RATE


def test_challenger_that_recovers_from_drift_is_promoted(make_paired: MakePaired) -> None:
    hold_out, recent = {"n": 400, "independent": 0.1}, {"champion": 0.4, "challenger": 0.75}
    assert promoted(make_paired, 100, hold_out, recent) > 0.65


def test_better_on_hold_out_suffices_without_recent_recordings(make_paired: MakePaired) -> None:
    assert promoted(make_paired, 100, {"champion": 0.7, "challenger": 0.9}, None) > 0.95


def test_challenger_worse_on_hold_out_is_never_promoted(make_paired: MakePaired) -> None:
    hold_out, recent = {"champion": 0.9, "challenger": 0.75}, {"champion": 0.3, "challenger": 0.9}
    assert promoted(make_paired, 100, hold_out, recent) == 0.0


def test_challenger_of_wrong_labels_is_not_promoted(make_paired: MakePaired) -> None:
    """One key with a fifth of the recent labels flips 30% of them; the challenger is worse."""
    worse = {"champion": 0.8, "challenger": 0.74}
    assert promoted(make_paired, 300, worse, {**worse, "wrong_labels": 0.3 * 0.2}) < 0.01


def test_sentence_of_a_promotion(make_paired: MakePaired) -> None:
    rng = np.random.default_rng(0)
    found = decide_promotion(
        make_paired(rng, independent=0.0), make_paired(rng, where="recent", n=40, champion=0.3, challenger=0.9)
    )
    assert found.is_better
    assert "The challenger is better: on 40 recent recordings its accuracy is" in found.sentence
    assert "points of balanced accuracy, and no class has fallen" in found.sentence


def test_sentence_names_every_failed_gate(make_paired: MakePaired) -> None:
    rng = np.random.default_rng(0)
    found = decide_promotion(
        make_paired(rng, champion=0.95, challenger=0.5),
        make_paired(rng, where="recent", n=40, champion=0.9, challenger=0.3),
    )
    assert not found.is_better
    for reason in (
        "The champion stays",
        "no significant gain",
        "may lose at most 2.0 points",
        "class 'bark' has fallen",
    ):
        assert reason in found.sentence
    assert "it is worse on the recent recordings" in found.sentence
    assert found.classes[0].has_fallen


def test_one_source_decides_for_itself_and_says_so(make_paired: MakePaired) -> None:
    """The default deployment: one key, one group."""
    rng = np.random.default_rng(5)
    better = make_paired(rng, n=200, champion=0.75, challenger=0.92)
    one = replace(better, groups=np.full(200, "key"))
    found = decide_promotion(one)
    assert found.is_better
    assert found.sentence.startswith("The challenger is better for this source: on 200 hold-out recordings ")
    frozen = decide_promotion(replace(one, is_frozen=True))
    assert "on 200 frozen hold-out recordings" in frozen.sentence
    assert frozen.as_json()["scores"][0]["is_frozen"] is True


def test_a_gain_of_one_source_among_few_is_no_gain(make_paired: MakePaired) -> None:
    rng = np.random.default_rng(2)
    equal = make_paired(rng, n=150, champion=0.8, challenger=0.8, independent=0.0)
    better = make_paired(rng, n=50, champion=0.5, challenger=0.95)
    both = replace(
        equal,
        **{name: np.concatenate([getattr(equal, name), getattr(better, name)]) for name in ("truth", "champion")},
        challenger=np.concatenate([equal.challenger, better.challenger]),
        groups=np.repeat(["a", "b", "c", "d"], 50),
    )
    found = decide_promotion(both)
    assert not found.is_better
    assert "the gain is that of single sources" in found.sentence


def test_a_refusal_says_how_many_labels_would_do(make_paired: MakePaired) -> None:
    few = replace(make_paired(np.random.default_rng(1), n=60, champion=0.8, challenger=0.83), groups=np.full(60, "key"))
    found = decide_promotion(few)
    assert not found.is_better
    assert re.search(r"about \d+ labelled recordings would show a gain like this one", found.sentence)


def test_too_few_recent_recordings_are_ignored(make_paired: MakePaired) -> None:
    rng = np.random.default_rng(0)
    few = make_paired(rng, where="recent", n=MIN_RECORDINGS - 1, champion=0.0, challenger=1.0)
    assert [one.where for one in decide_promotion(make_paired(rng), few).scores] == ["hold-out"]


def test_small_hold_out_promotes_nothing(make_paired: MakePaired) -> None:
    rng = np.random.default_rng(0)
    found = decide_promotion(make_paired(rng, n=5), make_paired(rng, where="recent", champion=0.0, challenger=1.0))
    assert not found.is_better
    assert "Not enough yet to compare: 5 of 12" in found.sentence


def test_new_class_is_a_gain_and_old_classes_are_guarded(make_paired: MakePaired) -> None:
    rng = np.random.default_rng(0)
    one = make_paired(rng, champion=1.0, challenger=1.0)
    predictions = np.where(one.truth == "tick", "hum", one.champion)
    found = decide_promotion(replace(one, champion=predictions), new_classes=("tick",))
    assert found.is_better
    assert found.scores[0].champion == found.scores[0].challenger == 1.0
    spoiled = np.where(one.truth == "bark", "tick", one.challenger)
    assert not decide_promotion(replace(one, champion=predictions, challenger=spoiled), new_classes=("tick",)).is_better


def numbers(rng: np.random.Generator, *, champion: float, challenger: float, n: int = 100) -> PairedPredictions:
    """Return regression predictions with given standard deviations of the errors."""
    truth = rng.normal(0, 10, n)
    first_retraining, second = (truth + rng.normal(0, deviation, n) for deviation in (champion, challenger))
    return PairedPredictions("hold-out", truth, first_retraining, second, np.array([f"{i // 2}" for i in range(n)]))


def test_regression_is_decided_by_absolute_errors() -> None:
    rng = np.random.default_rng(0)
    better = decide_promotion(numbers(rng, champion=2.0, challenger=1.0))
    worse = decide_promotion(numbers(rng, champion=1.0, challenger=2.0))
    assert better.is_better
    assert "its mean absolute error is" in better.sentence
    assert "class" not in better.sentence
    assert not worse.is_better
    assert "standard deviations of mean error" in worse.sentence
    equal = [decide_promotion(numbers(rng, champion=1.0, challenger=1.0)).is_better for _ in range(300)]
    assert np.mean(equal) <= RATE


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), gain=st.floats(-0.5, 0.4))
@example(seed=1, n=60, gain=0.45)
def test_promoted_challengers_passed_every_gate(make_paired: MakePaired, seed: int, n: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    recent = make_paired(rng, where="recent", n=n, champion=0.5, challenger=0.5 + gain)
    found = decide_promotion(make_paired(rng, n=2 * n, challenger=0.8 + gain), recent)
    assert found.is_better or gain < 0.45
    if found.is_better:
        assert found.scores[0].champion - found.scores[0].challenger <= MARGIN + 1e-9
        assert min(one.p_better for one in found.scores) < RATE
        assert not any(one.has_fallen for one in found.classes)
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["is_better"] == found.is_better


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_identical_model_is_not_promoted_and_order_is_irrelevant(make_paired: MakePaired, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = make_paired(rng, champion=0.6, challenger=0.8)
    assert not decide_promotion(replace(one, challenger=one.champion)).is_better
    order = rng.permutation(len(one.truth))
    truth, champion, challenger = (array[order] for array in (one.truth, one.champion, one.challenger))
    turned = replace(one, truth=truth, champion=champion, challenger=challenger, groups=one.groups[order])
    assert decide_promotion(turned).scores[0].p_better == pytest.approx(decide_promotion(one).scores[0].p_better)
