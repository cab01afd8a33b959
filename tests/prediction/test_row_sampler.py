import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.prediction.row_sampler import MAX_ROWS, RowSampler


def sampled(n: int, max_rows: int = MAX_ROWS) -> list[int]:
    """Return the indices of the rows kept of ``n``."""
    sampler = RowSampler(max_rows)
    for index in range(n):
        sampler.add(np.array([index], np.float32))
    return [int(row[0]) for row in sampler.rows()]


@pytest.mark.parametrize(
    ("n", "kept"),
    [(0, []), (1, [0]), (4, [0, 1, 2, 3]), (5, [0, 2, 4]), (7, [0, 2, 4, 6]), (8, [0, 2, 4, 6]), (9, [0, 4, 8])],
)
def test_every_other_row_is_dropped_when_there_are_too_many(n: int, kept: list[int]) -> None:
    assert sampled(n, max_rows=4) == kept


@given(st.integers(1, 5000))
def test_kept_rows_are_evenly_spaced(n: int) -> None:
    kept = sampled(n)
    assert min(n, MAX_ROWS // 2) <= len(kept) <= MAX_ROWS
    steps = set(np.diff(kept))
    assert len(steps) <= 1
    assert kept[0] == 0
    assert n - kept[-1] <= max(steps, default=1)
