import numpy as np
import pytest

from auricle.bundles.novelty import Novelty
from auricle.errors import BundleError
from auricle.training.novelty import FALSE_UNKNOWN, fit_novelty
from auricle.training.table import Table


@pytest.fixture
def table(rng):
    directions = rng.normal(size=(5, 40))
    rows = (rng.normal(size=(300, 5)) @ directions + 0.1 * rng.normal(size=(300, 40))).astype(np.float32)
    return Table(rows, np.repeat(np.arange(150), 2), np.arange(150) % 3, ("a", "b", "c"))


@pytest.fixture
def novelty(table, rng):
    blocks = np.arange(150) % 5
    return fit_novelty(table, blocks, window_doubt=rng.random(300) * 0.5, recording_doubt=rng.random(150) * 0.5)


def test_recordings_like_those_of_training_are_seldom_unknown(novelty, table, rng):
    distances = [novelty.distance(row) for row in table.rows]
    scores = [novelty.score("window", doubt=rng.random() * 0.5, distance=far) for far in distances]
    assert np.mean([novelty.is_unknown("window", score) for score in scores]) <= 2 * FALSE_UNKNOWN


def test_what_is_far_from_everything_is_unknown_however_sure_the_model(novelty, table):
    far = novelty.distance(table.rows[0] + np.float32(50.0))
    score = novelty.score("recording", doubt=0.0, distance=far)
    assert score > 1.0
    assert novelty.is_unknown("recording", score)


def test_doubt_is_ranked_among_the_training_recordings(novelty):
    ranks = [novelty.score("recording", doubt=doubt, distance=0.0) for doubt in (0.0, 0.25, 0.6)]
    assert ranks[0] < ranks[1] < ranks[2] == 1.0
    assert ranks[1] == pytest.approx(0.5, abs=0.15)


def test_numbers_are_ranked_by_distance(table):
    novelty = fit_novelty(table, np.arange(150) % 5, window_doubt=None, recording_doubt=None)
    usual = np.mean([novelty.distance(row) for row in table.rows])
    assert 0.0 < novelty.score("window", doubt=None, distance=float(usual)) < 1.0
    assert not novelty.is_unknown("window", novelty.score("window", doubt=None, distance=float(usual)))


def test_the_fit_repeats(table):
    one, two = (
        fit_novelty(table, np.arange(150) % 5, window_doubt=None, recording_doubt=None, seed=3) for _ in range(2)
    )
    np.testing.assert_array_equal(one.components, two.components)
    np.testing.assert_array_equal(one.thresholds, two.thresholds)


def test_arrays_that_do_not_fit_are_refused(novelty):
    with pytest.raises(BundleError, match="must fit each other"):
        Novelty(
            novelty.mean[1:],
            novelty.inverse_deviation,
            novelty.components,
            novelty.prototypes,
            novelty.doubts,
            novelty.distances,
            novelty.thresholds,
        )
