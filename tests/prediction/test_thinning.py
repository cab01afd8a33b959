import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.prediction.thinning import MOST_ROWS, Thinned


def thinned(n: int, most: int = MOST_ROWS) -> list[int]:
    some = Thinned(most)
    for number in range(n):
        some.add(np.array([number], np.float32))
    return [int(row[0]) for row in some.rows()]


@pytest.mark.parametrize(
    ("n", "kept"),
    [(0, []), (1, [0]), (4, [0, 1, 2, 3]), (5, [0, 2, 4]), (7, [0, 2, 4, 6]), (8, [0, 2, 4, 6]), (9, [0, 4, 8])],
)
def test_every_other_one_goes_when_they_are_too_many(n: int, kept: list[int]) -> None:
    assert thinned(n, most=4) == kept


@given(st.integers(1, 5000))
def test_they_are_evenly_spread_over_all_that_came(n: int) -> None:
    kept = thinned(n)
    assert min(n, MOST_ROWS // 2) <= len(kept) <= MOST_ROWS
    steps = set(np.diff(kept))
    assert len(steps) <= 1
    assert kept[0] == 0
    assert n - kept[-1] <= max(steps, default=1)
