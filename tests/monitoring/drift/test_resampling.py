"""Permutation masks, p-values, and effective sample sizes."""

import numpy as np
import pytest

from auricle.monitoring.drift.resampling import (
    blocks_of,
    effective_size_ratio,
    intraclass_correlation,
    p_values,
    permutation_masks,
)


def test_masks_keep_sizes_and_start_with_the_observed() -> None:
    masks = permutation_masks(7, 3, n_shuffles=20, seed=1)
    assert masks.shape == (10, 21)
    assert masks[:, 0].tolist() == [False] * 7 + [True] * 3
    assert (masks.sum(axis=0) == 3).all()
    np.testing.assert_array_equal(masks, permutation_masks(7, 3, n_shuffles=20, seed=1))


def test_p_value_includes_the_observed() -> None:
    p = p_values(np.array([4.0, 2.0, 0.0]), np.array([1.0, 2.0, 3.0]))
    assert p.tolist() == [1 / 4, 3 / 4, 1.0]


def sides(n: int) -> np.ndarray:
    return np.arange(n) >= n // 2


def test_ungrouped_recordings_have_ratio_1(rng: np.random.Generator) -> None:
    assert effective_size_ratio(rng.normal(size=(40, 2)), np.arange(40).astype(str), sides(40)).tolist() == [1.0, 1.0]


def test_identical_recordings_count_once_per_group(rng: np.random.Generator) -> None:
    groups = np.repeat(np.arange(20), 10).astype(str)
    copies, apart = np.repeat(rng.normal(size=20), 10), rng.normal(size=200)
    found = effective_size_ratio(np.column_stack([copies, apart]), groups, sides(200))
    assert found[0] == pytest.approx(0.1, abs=0.01)
    assert found[1] > 0.6


def test_single_group_uses_the_other_sides_icc(rng: np.random.Generator) -> None:
    groups = np.concatenate([np.repeat(np.arange(20), 10), np.full(200, 99)]).astype(str)
    values = np.concatenate([np.repeat(rng.normal(size=20), 10), rng.normal(size=200)])[:, None]
    assert effective_size_ratio(values, groups, sides(400))[0] < 0.05


@pytest.mark.parametrize("n_groups", [8, 40])
def test_groups_on_both_sides_raise_no_false_alarm(n_groups: int) -> None:
    from auricle.monitoring.drift.feature_drift import feature_drift

    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        members = rng.integers(0, n_groups, 200)
        values = rng.normal(size=(n_groups, 5))[members] + rng.normal(size=(200, 5))
        drift = feature_drift(
            values.astype(np.float32),
            list("abcde"),
            members.astype(str),
            permutation_masks(100, 100, n_shuffles=99, seed=seed),
        )
        alarms += any(column.q <= 0.05 for column in drift)
    assert alarms <= 4


def test_group_on_both_sides_makes_two_blocks() -> None:
    groups = np.array(["b", "a", "b", "z", "b", "a"])
    members, sizes, n_reference = blocks_of(groups, sides(6))
    assert members.tolist() == [1, 0, 1, 4, 3, 2]
    assert sizes.tolist() == [1, 2, 1, 1, 1]
    assert n_reference == 2


def test_icc_is_1_for_copies_and_0_for_single_recordings(rng: np.random.Generator) -> None:
    copies = np.repeat(rng.normal(size=20), 10)[:, None]
    assert intraclass_correlation(copies, blocks_of(np.repeat(np.arange(20), 10).astype(str), sides(200)))[
        0
    ] == pytest.approx(1.0)
    assert intraclass_correlation(copies, blocks_of(np.arange(200).astype(str), sides(200)))[0] == 0.0


def test_icc_ignores_a_shift_between_sides(rng: np.random.Generator) -> None:
    values = (rng.normal(size=400) + 5.0 * sides(400))[:, None]
    assert intraclass_correlation(values, blocks_of(np.repeat(np.arange(40), 10).astype(str), sides(400)))[0] < 0.1
