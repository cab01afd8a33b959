"""Thresholds: the best F1 of each class, and novelty that marks few training recordings as unknown."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.features.spec import standard_spec
from auricle.training.thresholds import FALSE_UNKNOWN, LIMITS, event_thresholds, fit_novelty, novelty_columns


def f1(probabilities: np.ndarray, is_of_class: np.ndarray, threshold: float) -> float:
    found = probabilities >= threshold
    return 2 * (found & is_of_class).sum() / max(1, found.sum() + is_of_class.sum())


def test_a_threshold_lies_in_the_middle_of_a_gap() -> None:
    of_first = np.array([0.9, 0.8, 0.4, 0.1])
    thresholds = event_thresholds(np.column_stack([of_first, 1 - of_first]), np.array([0, 0, 1, 1]))
    assert thresholds == pytest.approx((0.6, 0.4))


def test_a_rare_class_gets_a_lower_threshold() -> None:
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


BLOCKS = np.arange(150) % 5
OWNER = np.repeat(np.arange(150), 2)


@pytest.fixture
def rows(rng):
    directions = rng.normal(size=(5, 40))
    return (rng.normal(size=(300, 5)) @ directions + 0.1 * rng.normal(size=(300, 40))).astype(np.float32)


def fitted(rows, *, window_doubt=None, recording_doubt=None):
    return scored(rows, window_doubt=window_doubt, recording_doubt=recording_doubt)[0]


def scored(rows, *, window_doubt=None, recording_doubt=None):
    recordings = rows.reshape(150, 2, -1).mean(axis=1)
    return fit_novelty(
        rows,
        recordings,
        OWNER,
        BLOCKS,
        columns=np.arange(30),
        window_doubt=window_doubt,
        recording_doubt=recording_doubt,
    )


@pytest.fixture
def novelty(rows, rng):
    return fitted(rows, window_doubt=rng.random(300) * 0.5, recording_doubt=rng.random(150) * 0.5)


def test_recordings_like_those_of_training_are_seldom_unknown(novelty, rows, rng):
    distances = [novelty.distance(row) for row in rows]
    scores = [novelty.score("window", doubt=rng.random() * 0.5, distance=far) for far in distances]
    assert np.mean([novelty.is_unknown("window", score) for score in scores]) <= 2 * FALSE_UNKNOWN


def test_a_distant_recording_is_unknown_at_any_confidence(novelty, rows):
    far = novelty.distance(rows[0] + np.float32(50.0))
    score = novelty.score("recording", doubt=0.0, distance=far)
    assert score > 1.0
    assert novelty.is_unknown("recording", score)


def test_other_columns_do_not_change_the_distance(novelty, rows):
    moved = rows[0].copy()
    moved[30:] += 50.0
    assert novelty.distance(moved) == novelty.distance(rows[0])


def test_doubt_is_ranked_among_the_training_recordings(novelty):
    ranks = [novelty.score("recording", doubt=doubt, distance=0.0) for doubt in (0.0, 0.25, 0.6)]
    assert ranks[0] < ranks[1] < ranks[2] == 0.5
    assert ranks[1] == pytest.approx(0.25, abs=0.1)


def test_numbers_are_ranked_by_distance(rows):
    novelty = fitted(rows)
    usual = float(np.mean([novelty.distance(row) for row in rows]))
    assert 0.0 < novelty.score("window", doubt=None, distance=usual) < 1.0
    assert not novelty.is_unknown("window", novelty.score("window", doubt=None, distance=usual))


def test_each_recording_has_an_out_of_fold_novelty(rows):
    novelty, scores = scored(rows)
    assert scores.shape == (150,)
    assert np.quantile(scores, 1 - FALSE_UNKNOWN) == pytest.approx(novelty.thresholds[1])


def test_the_fit_repeats(rows):
    one, two = fitted(rows), fitted(rows)
    np.testing.assert_array_equal(one.prototypes, two.prototypes)
    np.testing.assert_array_equal(one.thresholds, two.thresholds)


def test_novelty_uses_descriptors_and_not_the_cepstrum():
    spec = standard_spec(16_000)
    names = {spec.columns[index].partition("_")[0] for index in novelty_columns(spec)}
    assert {"centroid", "flatness", "rms", "zcr"} <= names
    assert not any(name.startswith("mfcc") for name in names)
