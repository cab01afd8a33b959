from dataclasses import replace

import numpy as np
import pytest

from auricle.bundles.novelty import LEVELS, N_RANKS, Novelty
from auricle.errors import BundleError


@pytest.fixture
def novelty(rng: np.random.Generator) -> Novelty:
    """Four columns of ten; doubt and distance from 0 to 1; unknown above 0.9."""
    ranks = np.stack([np.linspace(0, 1, N_RANKS)] * 2)
    return Novelty(
        columns=np.array([1, 3, 5, 7]),
        mean=np.zeros(4, np.float32),
        inverse_deviation=np.ones(4, np.float32),
        prototypes=rng.standard_normal((20, 4)).astype(np.float32),
        doubts=ranks,
        distances=ranks,
        thresholds=np.array([0.9, 0.9]),
    )


def test_a_distance_is_the_mean_of_the_nearest_three(novelty: Novelty, rng: np.random.Generator) -> None:
    row = rng.standard_normal(10).astype(np.float32)
    distances = np.linalg.norm(novelty.prototypes - row[[1, 3, 5, 7]], axis=1)
    assert novelty.distance(row) == pytest.approx(np.sort(distances)[:3].mean(), rel=1e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_novelty_rises_with_doubt_and_with_distance(novelty: Novelty, level) -> None:
    by_doubt = [novelty.score(level, doubt=doubt, distance=0.5) for doubt in np.linspace(0, 1, 7)]
    assert by_doubt == pytest.approx(np.linspace(0.25, 0.75, 7))
    by_distance = [novelty.score(level, doubt=0.5, distance=distance) for distance in np.linspace(0, 5, 50)]
    assert by_distance == sorted(by_distance)
    assert by_distance[0] == 0.25 < 1.0 < by_distance[-1]
    assert novelty.score(level, doubt=None, distance=0.5) == pytest.approx(0.5)
    assert novelty.is_unknown(level, by_distance[-1])
    assert not novelty.is_unknown(level, by_distance[0])


@pytest.mark.parametrize(
    "change",
    [
        {"columns": np.arange(3)},
        {"mean": np.zeros(9, np.float32)},
        {"inverse_deviation": np.ones((4, 1), np.float32)},
        {"prototypes": np.ones((20, 5), np.float32)},
        {"prototypes": np.ones((0, 4), np.float32)},
        {"doubts": np.zeros((2, 100))},
        {"distances": np.zeros((1, N_RANKS))},
        {"thresholds": np.zeros(1)},
        {"thresholds": np.float64(1).reshape(())},
    ],
)
def test_arrays_that_do_not_fit_are_refused(novelty: Novelty, change: dict[str, np.ndarray]) -> None:
    with pytest.raises(BundleError, match="A bundle's novelty arrays must fit each other"):
        replace(novelty, **change)


def test_negative_columns_are_refused(novelty: Novelty) -> None:
    with pytest.raises(BundleError, match=r"columns from 0\. Got -1"):
        replace(novelty, columns=np.array([-1, 3, 5, 7]))
