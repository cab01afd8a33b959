"""How unlike the training sound a sound is: doubt about the answer, and distance from all that was heard."""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auricle.errors import BundleError

__all__ = ["FAR_RANK", "LEVELS", "LIMIT", "N_NEAREST", "N_RANKS", "Novelty", "NoveltyLevel"]

N_NEAREST = 3
LIMIT = np.float32(10.0)
"""Deviations beyond which a column counts no farther."""

N_RANKS = 101
FAR_RANK = 99

NoveltyLevel = Literal["window", "recording"]

LEVELS: tuple[NoveltyLevel, ...] = ("window", "recording")
"""The order of the levels in the arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """What turns a standard row and an answer into a novelty, as plain arrays.

    A sound is new in one of two ways: no class claims it, and the answer is in doubt; or it lies far from all that was
    heard, and the model may be sure and wrong. Its novelty is the mean of two ranks, of its doubt and of its distance,
    among training recordings answered out of fold: from 0 to 1. What its distance exceeds the farthest percent of
    training recordings by, as a fraction, is added.

    Distance is measured along the descriptors of the standard row, each in deviations of the training rows: they tell
    kinds of sound apart where a model's own hundreds of columns drown the difference in what differs anyway.

    Parameters
    ----------
    columns : places in the standard row, int64, shape (d,)
    mean, inverse_deviation : of those columns, float32, shape (d,)
    prototypes : float32, shape (p, d): training rows in deviations from the mean
    doubts, distances : float64, shape (2, 101): percentiles over windows, then over recordings, out of fold
    thresholds : float64, shape (2,): novelty of windows and of recordings above which the answer is "unknown"
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
        ranked = {"doubts": (2, N_RANKS), "distances": (2, N_RANKS), "thresholds": (2,)}
        placed = {"columns": d, "mean": d, "inverse_deviation": d, "prototypes": (*p, *d)}
        if shapes != placed | ranked or not (len(d) == 1 and d > (0,) and p > (0,)):
            raise BundleError(f"A bundle's novelty arrays must fit each other. Their shapes are {shapes}.")
        if self.columns.min() < 0:
            raise BundleError(f"A bundle's novelty must name columns from 0. Got {self.columns.min()}.")

    def distance(self, standard: NDArray[np.float32]) -> float:
        """Return the mean distance of a standard row, shape (n_standard,), from the nearest prototypes."""
        scaled = np.clip((standard[self.columns] - self.mean) * self.inverse_deviation, -LIMIT, LIMIT)
        away = np.sqrt(((self.prototypes - scaled) ** 2).sum(axis=1))
        return float(np.sort(away)[:N_NEAREST].mean())

    def score(self, level: NoveltyLevel, *, doubt: float | None, distance: float) -> float:
        """Return the novelty of one answer.

        Parameters
        ----------
        level : window or recording
        doubt : one less the probability of the class answered; None for numbers, where distance stands alone
        distance : of the window's standard row, or of the mean of the recording's
        """
        place = LEVELS.index(level)
        ranks = np.linspace(0.0, 1.0, N_RANKS)
        known = self.distances[place]
        rank = np.interp(distance, known, ranks)
        if doubt is not None:
            rank = (rank + np.interp(doubt, self.doubts[place], ranks)) / 2
        return float(rank + max(0.0, distance / max(known[FAR_RANK], 1e-12) - 1.0))

    def is_unknown(self, level: NoveltyLevel, novelty: float) -> bool:
        """Whether a sound of this novelty should be answered "unknown"."""
        return novelty > float(self.thresholds[LEVELS.index(level)])
