"""Novelty score of out-of-distribution detection: doubt about the prediction, and distance from the training data."""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auricle.errors import BundleError

__all__ = ["FAR_RANK", "LEVELS", "LIMIT", "N_NEAREST", "N_RANKS", "Novelty", "NoveltyLevel"]

N_NEAREST = 3
LIMIT = np.float32(10.0)
"""Clip of each column, in standard deviations."""

N_RANKS = 101
FAR_RANK = 99

NoveltyLevel = Literal["window", "recording"]

LEVELS: tuple[NoveltyLevel, ...] = ("window", "recording")
"""Order of the levels in the arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """Arrays that score the novelty of a standard row and its prediction.

    A sound is novel in one of two ways: no class fits, and the prediction is in doubt; or it lies far from the training
    data, where the model may be confident and wrong. Novelty is the mean of two ranks from 0 to 1, of doubt and of
    distance, among out-of-fold training recordings. The fraction by which the distance exceeds the 99th percentile is
    added.

    Distance is measured in columns of the standard row, each in standard deviations of the training rows: they separate
    kinds of sound better than a model's own hundreds of columns, where unrelated variation dominates.

    Parameters
    ----------
    columns : int64, shape (d,)
        Indices in the standard row.
    mean, inverse_deviation : float32, shape (d,)
        Scaling of those columns.
    prototypes : float32, shape (p, d)
        Scaled training rows.
    doubts, distances : float64, shape (2, 101)
        Out-of-fold percentiles over windows, then over recordings.
    thresholds : float64, shape (2,)
        Novelty of windows and of recordings above which a prediction is "unknown".
    """

    columns: NDArray[np.int64]
    mean: NDArray[np.float32]
    inverse_deviation: NDArray[np.float32]
    prototypes: NDArray[np.float32]
    doubts: NDArray[np.float64]
    distances: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    def __post_init__(self) -> None:
        d, p = self.columns.shape, self.prototypes.shape[:1]
        shapes = {field.name: getattr(self, field.name).shape for field in fields(self)}
        ranks = {"doubts": (2, N_RANKS), "distances": (2, N_RANKS), "thresholds": (2,)}
        scaling = {"columns": d, "mean": d, "inverse_deviation": d, "prototypes": (*p, *d)}
        if shapes != scaling | ranks or not (len(d) == 1 and d > (0,) and p > (0,)):
            raise BundleError(f"A bundle's novelty arrays must fit each other. Their shapes are {shapes}.")
        if self.columns.min() < 0:
            raise BundleError(f"A bundle's novelty must name columns from 0. Got {self.columns.min()}.")

    def distance(self, standard: NDArray[np.float32]) -> float:
        """Return the mean distance of a standard row, shape (n_standard,), from the three nearest prototypes."""
        scaled = np.clip((standard[self.columns] - self.mean) * self.inverse_deviation, -LIMIT, LIMIT)
        distances = np.sqrt(((self.prototypes - scaled) ** 2).sum(axis=1))
        return float(np.sort(distances)[:N_NEAREST].mean())

    def score(self, level: NoveltyLevel, *, doubt: float | None, distance: float) -> float:
        """Return the novelty of one prediction.

        Parameters
        ----------
        level : "window" or "recording"
        doubt : float, optional
            One minus the probability of the predicted class; None for numbers, scored by distance alone.
        distance : float
            Distance of the window's standard row, or of the recording's mean row.
        """
        level_index = LEVELS.index(level)
        ranks = np.linspace(0.0, 1.0, N_RANKS)
        distances = self.distances[level_index]
        rank = np.interp(distance, distances, ranks)
        if doubt is not None:
            rank = (rank + np.interp(doubt, self.doubts[level_index], ranks)) / 2
        return float(rank + max(0.0, distance / max(distances[FAR_RANK], 1e-12) - 1.0))

    def is_unknown(self, level: NoveltyLevel, novelty: float) -> bool:
        """Return whether a prediction of this novelty is "unknown"."""
        return novelty > float(self.thresholds[LEVELS.index(level)])
