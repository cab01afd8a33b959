"""A race: every pair of blocks once, and only candidates clearly behind are dropped."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.training.search.racing import is_beaten, round_robin


@given(st.integers(2, 12))
def test_every_block_is_paired_with_every_other_once_and_at_most_once_a_round(n_blocks: int) -> None:
    rounds = round_robin(range(n_blocks))
    paired = [frozenset(pair) for pairs in rounds for pair in pairs]
    assert sorted(map(sorted, paired)) == sorted(map(list, combinations(range(n_blocks), 2)))
    for pairs in rounds:
        playing = [block for pair in pairs for block in pair]
        assert len(playing) == len(set(playing)) >= n_blocks - 1


@pytest.mark.parametrize(("deficit", "beaten"), [(0.3, True), (0.1, False), (0.0, False), (-0.3, False)])
def test_only_a_clear_deficit_is_beaten(deficit: float, beaten: bool) -> None:  # noqa: FBT001
    best = (np.arange(50) % 10 == 0).astype(float)
    losses = best.copy()
    losses[np.flatnonzero(best == 0)[: round(abs(deficit) * 50)]] = 1.0
    assert is_beaten(*((losses, best) if deficit >= 0 else (best, losses))) is beaten


def test_a_small_deficit_is_not_beaten_on_any_number_of_recordings() -> None:
    best = np.zeros(10_000)
    assert not is_beaten(np.where(np.arange(10_000) % 25 == 0, 1.0, 0.0), best)
