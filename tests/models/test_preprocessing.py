"""A choice among columns keeps what it names, in the order given."""

import numpy as np
import pytest
from sklearn.base import clone

from auricle.models.preprocessing import SelectColumns


def test_select_columns_keeps_their_order(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(5, 7)).astype(np.float32)
    kept = clone(SelectColumns((4, 0))).fit(rows).transform(rows)
    assert kept.dtype == np.float32
    assert np.array_equal(kept, rows[:, [4, 0]])


@pytest.mark.parametrize("indices", [(), (7,), (-1,)])
def test_missing_columns_are_refused(indices: tuple[int, ...], rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="columns from 0 to 6"):
        SelectColumns(indices).fit(rng.normal(size=(5, 7)))
