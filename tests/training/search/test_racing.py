"""A race: every pair of blocks once, and only what is clearly behind drops out."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.training.search.racing import is_beaten, rounds


@given(st.integers(2, 12))
def test_every_block_meets_every_other_once_and_none_twice_a_round(n_blocks: int) -> None:
    found = rounds(range(n_blocks))
    met = [frozenset(pair) for pairs in found for pair in pairs]
    assert sorted(map(sorted, met)) == sorted(map(list, combinations(range(n_blocks), 2)))
    for pairs in found:
        playing = [block for pair in pairs for block in pair]
        assert len(playing) == len(set(playing)) >= n_blocks - 1


@pytest.mark.parametrize(("behind", "beaten"), [(0.3, True), (0.1, False), (0.0, False), (-0.3, False)])
def test_only_what_is_clearly_behind_is_beaten(behind: float, beaten: bool) -> None:  # noqa: FBT001
    best = (np.arange(50) % 10 == 0).astype(float)
    losses = best.copy()
    losses[np.flatnonzero(best == 0)[: round(abs(behind) * 50)]] = 1.0
    assert is_beaten(*((losses, best) if behind >= 0 else (best, losses))) is beaten


def test_a_small_deficit_is_not_clear_however_sure() -> None:
    best = np.zeros(10_000)
    assert not is_beaten(np.where(np.arange(10_000) % 25 == 0, 1.0, 0.0), best)
