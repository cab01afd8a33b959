import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.training.thresholds import LIMITS, event_thresholds


def f1(probabilities: np.ndarray, is_of_class: np.ndarray, threshold: float) -> float:
    found = probabilities >= threshold
    return 2 * (found & is_of_class).sum() / max(1, found.sum() + is_of_class.sum())


def test_a_gap_is_parted_in_its_middle() -> None:
    of_first = np.array([0.9, 0.8, 0.4, 0.1])
    thresholds = event_thresholds(np.column_stack([of_first, 1 - of_first]), np.array([0, 0, 1, 1]))
    assert thresholds == pytest.approx((0.6, 0.4))


def test_a_class_that_is_drowned_gets_a_lower_threshold() -> None:
    rare = np.concatenate([np.full(10, 0.3), np.full(90, 0.15)])
    truth = np.array([0] * 10 + [1] * 90)
    low, high = event_thresholds(np.column_stack([rare, 1 - rare]), truth)
    assert low == pytest.approx(0.225)
    assert high == pytest.approx(0.775)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_limits(probability: float) -> None:
    same = np.full((4, 2), probability)
    assert all(LIMITS[0] <= t <= LIMITS[1] for t in event_thresholds(same, np.array([0, 0, 1, 1])))


@settings(max_examples=200)
@given(
    windows=st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=40).filter(
        lambda windows: len({is_of_class for _, is_of_class in windows}) == 2
    )
)
def test_no_other_threshold_is_better(windows: list[tuple[int, bool]]) -> None:
    probabilities = np.array([p / 20 for p, _ in windows])
    is_of_class = np.array([flag for _, flag in windows])
    chosen, _ = event_thresholds(np.column_stack([probabilities, 1 - probabilities]), (~is_of_class).astype(np.intp))
    within = [t for t in np.linspace(*LIMITS, 341) if LIMITS[0] <= t <= LIMITS[1]]
    best = max(f1(probabilities, is_of_class, t) for t in within)
    if LIMITS[0] < chosen < LIMITS[1]:
        assert f1(probabilities, is_of_class, chosen) >= best - 1e-12
