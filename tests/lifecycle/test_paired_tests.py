"""Paired tests: agreement with McNemar and enumeration, and false positive rates."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from auricle.lifecycle.paired_tests import holm_adjusted, paired_test, recordings_needed, sources_agree

GAINS = arrays(np.int64, st.integers(1, 60), elements=st.integers(-1, 1))


@given(gains=GAINS)
def test_without_blocks_equals_mcnemar(gains: np.ndarray) -> None:
    won, lost = int((gains == 1).sum()), int((gains == -1).sum())
    expected = binomtest(won, won + lost, alternative="greater").pvalue if won + lost else 1.0
    assert paired_test(gains) == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(sums=arrays(np.float64, st.integers(1, 9), elements=st.floats(-5, 5).map(lambda x: round(x, 1))))
def test_equals_enumeration_of_sign_flips(sums: np.ndarray) -> None:
    steps = np.round(sums * 10).astype(int)
    flipped = [np.dot(signs, steps) for signs in product((-1, 1), repeat=len(steps))]
    expected = np.mean(np.array(flipped) >= steps.sum()) if steps.any() else 1.0
    assert paired_test(steps) == pytest.approx(expected)
    assert paired_test(steps / 10.0) >= expected - 1e-9
    drawn = steps + np.random.default_rng(0).uniform(0.1, 0.9, steps.size)
    flipped = [np.dot(signs, drawn) for signs in product((-1, 1), repeat=len(steps))]
    assert paired_test(drawn) == pytest.approx(np.mean(np.array(flipped) >= drawn.sum() - 1e-9), abs=0.05)


@given(gains=GAINS)
def test_single_recording_blocks_and_order_change_nothing(gains: np.ndarray) -> None:
    blocks = np.array([f"block {i}" for i in range(len(gains))])
    assert paired_test(gains, blocks) == pytest.approx(paired_test(gains))
    assert paired_test(gains[::-1], blocks[::-1]) == pytest.approx(paired_test(gains))


def test_block_counts_once() -> None:
    gains = np.ones(40)
    assert paired_test(gains) < 1e-9
    assert paired_test(gains, np.repeat(["a", "b"], 20)) == pytest.approx(0.25)


@pytest.mark.parametrize("is_whole", [True, False])
def test_false_positive_rate_of_equal_models(*, is_whole: bool) -> None:
    rng = np.random.default_rng(0)
    n_groups, found = 30, []
    blocks = np.repeat(np.arange(n_groups), 4)
    for _ in range(500):
        shared = np.repeat(rng.normal(size=n_groups), 4) + rng.normal(size=blocks.size)  # recordings of a group agree
        found.append(paired_test(np.sign(shared) if is_whole else shared, blocks))
    assert np.mean(np.array(found) < 0.05) < 0.08
    assert np.mean(np.array(found) < 0.05) > 0.02


@given(ps=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_p_values_and_keeps_order(ps: list[float]) -> None:
    adjusted = holm_adjusted(ps)
    assert all(before <= after <= 1 for before, after in zip(ps, adjusted, strict=True))
    assert [adjusted[i] for i in np.argsort(ps, kind="stable")] == sorted(adjusted)


def test_holm_matches_its_definition() -> None:
    assert holm_adjusted([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm_adjusted([]) == ()


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=6), st.floats(0.1, 0.9))
def test_weighted_holm_begins_as_weighted_bonferroni_and_is_holm_for_equal_weights(
    ps: list[float], weight: float
) -> None:
    weights = [weight, *([(1 - weight) / max(1, len(ps) - 1)] * (len(ps) - 1))]
    weighted = holm_adjusted(ps, weights)
    assert min(weighted) == pytest.approx(min(1.0, min(p / w for p, w in zip(ps, weights, strict=True)) * sum(weights)))
    assert all(after >= before - 1e-12 for before, after in zip(ps, weighted, strict=True))
    assert holm_adjusted(ps, [0.3] * len(ps)) == pytest.approx(holm_adjusted(ps))


def test_more_recordings_are_needed_for_smaller_gains_and_dependent_ones() -> None:
    needed = recordings_needed(30, 10, 200, rate=0.05)
    assert needed is not None
    found = np.mean(
        [
            paired_test(np.random.default_rng(seed).choice([1, -1, 0], needed, p=[0.15, 0.05, 0.8])) < 0.05
            for seed in range(300)
        ]
    )
    assert 0.7 < found < 0.9
    assert recordings_needed(24, 16, 200, rate=0.05) > 2 * needed
    assert recordings_needed(30, 10, 200, rate=0.05, design_effect=3.0) == pytest.approx(3 * needed, abs=3)
    assert recordings_needed(10, 10, 200, rate=0.05) is None


def test_sources_agree_unless_one_carries_the_gain() -> None:
    groups = np.repeat(["a", "b", "c", "d"], 50)
    assert sources_agree(np.tile([1, 0, 0, 0, 0], 40), groups)
    assert not sources_agree(np.where((groups == "a") & (np.arange(200) % 2 == 0), 1, 0), groups)
    assert sources_agree(np.ones(5), np.full(5, "a"))
    assert not sources_agree(np.repeat([1, -1], 50), np.repeat(["a", "b"], 50))
