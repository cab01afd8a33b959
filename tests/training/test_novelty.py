import numpy as np
import pytest

from auricle.features.spec import standard_spec
from auricle.training.novelty import FALSE_UNKNOWN, fit_novelty, telling

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


def test_what_is_far_from_everything_is_unknown_however_sure_the_model(novelty, rows):
    far = novelty.distance(rows[0] + np.float32(50.0))
    score = novelty.score("recording", doubt=0.0, distance=far)
    assert score > 1.0
    assert novelty.is_unknown("recording", score)


def test_columns_that_are_not_named_do_not_count(novelty, rows):
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


def test_each_recording_has_a_novelty_of_its_own_among_the_others(rows):
    novelty, scores = scored(rows)
    assert scores.shape == (150,)
    assert np.quantile(scores, 1 - FALSE_UNKNOWN) == pytest.approx(novelty.thresholds[1])


def test_the_fit_repeats(rows):
    one, two = fitted(rows), fitted(rows)
    np.testing.assert_array_equal(one.prototypes, two.prototypes)
    np.testing.assert_array_equal(one.thresholds, two.thresholds)


def test_descriptors_tell_and_the_cepstrum_does_not():
    spec = standard_spec(16_000)
    told = {spec.columns[place].partition("_")[0] for place in telling(spec)}
    assert {"centroid", "flatness", "rms", "zcr"} <= told
    assert not any(name.startswith("mfcc") for name in told)
