"""From out-of-fold answers to the bundle's novelty: what is usual, and from where on a sound is unknown."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.novelty import LEVELS, N_RANKS, Novelty
from auricle.models.novelty import Place, fit_place
from auricle.training.table import Table

__all__ = ["FALSE_UNKNOWN", "fit_novelty"]

FALSE_UNKNOWN = 0.02
"""Part of recordings like those of training that the threshold calls unknown."""


def fit_novelty(
    table: Table,
    blocks: NDArray[np.intp],
    *,
    window_doubt: NDArray[np.float64] | None,
    recording_doubt: NDArray[np.float64] | None,
    seed: int = 0,
) -> Novelty:
    """Fit novelty for the model that is trained on all rows.

    Distances are measured out of fold: each block of recordings from the rows of the others.

    Parameters
    ----------
    table : rows and which recording each is of
    blocks : block of each recording, shape (n,)
    window_doubt, recording_doubt : one less the probability of the class answered, out of fold; None for numbers
    """
    away = np.empty(len(table.rows))
    block_of_row = blocks[table.owner]
    for block in np.unique(blocks):
        out = block_of_row == block
        others = _novelty(fit_place(table.rows[~out], seed=seed))
        away[out] = [others.distance(row) for row in table.rows[out]]
    distances = (away, np.bincount(table.owner, away) / np.bincount(table.owner))
    doubts = (window_doubt, recording_doubt)
    novelty = replace(
        _novelty(fit_place(table.rows, seed=seed)),
        doubts=np.stack([_percentiles(np.zeros(1) if doubt is None else doubt) for doubt in doubts]),
        distances=np.stack([_percentiles(distance) for distance in distances]),
    )
    scores = [
        [
            novelty.score(level, doubt=None if doubt is None else float(doubt[i]), distance=float(far))
            for i, far in enumerate(distance)
        ]
        for level, doubt, distance in zip(LEVELS, doubts, distances, strict=True)
    ]
    return replace(novelty, thresholds=np.array([np.quantile(score, 1.0 - FALSE_UNKNOWN) for score in scores]))


def _percentiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.quantile(values, np.linspace(0.0, 1.0, N_RANKS)))


def _novelty(place: Place) -> Novelty:
    """Return a novelty that measures distance and has no ranks yet."""
    nothing = np.zeros((2, N_RANKS))
    return Novelty(
        mean=place.mean,
        inverse_deviation=place.inverse_deviation,
        components=place.components,
        prototypes=place.prototypes,
        doubts=nothing,
        distances=nothing,
        thresholds=np.zeros(2),
    )
