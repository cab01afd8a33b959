"""Clipped samples are those in runs at full scale, whatever the blocks they arrive in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.clipping import ClippedRuns


def by_definition(samples: np.ndarray) -> np.ndarray:
    """Return which samples lie in a run of three or more at full scale, one by one."""
    full, inside = np.abs(samples) >= 0.9999, np.zeros(samples.size, np.bool_)
    for start in range(samples.size - 2):
        if full[start : start + 3].all():
            inside[start : start + 3] = True
    return inside


@given(
    st.lists(st.sampled_from([0.0, 1.0, -1.0]), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=6),
    st.integers(1, 20),
)
def test_windows_of_any_blocks_count_the_same(values: list[float], cuts: list[int], window: int) -> None:
    samples, runs, position, start = np.array(values, np.float32), ClippedRuns(100), 0, 0
    for block in np.split(samples, sorted(min(cut, samples.size) for cut in cuts)):
        runs.push(block)
        position += block.size
        while start + window <= position:
            expected = by_definition(samples[start : start + window]).mean()
            assert runs.fraction(start / 100, (start + window) / 100) == pytest.approx(expected)
            start += window
