"""How unlike the training sound a sound is: doubt about the answer, and distance from all that was heard."""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auricle.errors import BundleError

__all__ = ["FAR_RANK", "LEVELS", "N_NEAREST", "N_RANKS", "Novelty", "NoveltyLevel"]

N_NEAREST = 3
N_RANKS = 101
FAR_RANK = 99

NoveltyLevel = Literal["window", "recording"]

LEVELS: tuple[NoveltyLevel, ...] = ("window", "recording")
"""The order of the levels in the arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """What turns a row and an answer into a novelty, as plain arrays.

    A sound is new in one of two ways. It lies near the training sound but no class claims it: then the answer is in
    doubt, and its novelty is the rank of that doubt among training recordings answered out of fold, from 0 to 1. Or it
    lies far from everything: then a model may be sure and wrong, and what its distance exceeds the farthest percent of
    training recordings by, as a fraction, is added.

    Parameters
    ----------
    mean, inverse_deviation : float32, shape (d,)
    components : float32, shape (d, m): the directions in which training rows vary most
    prototypes : float32, shape (p, m): training rows along them
    doubts, distances : float64, shape (2, 101): percentiles over windows, then over recordings, out of fold
    thresholds : float64, shape (2,): novelty of windows and of recordings above which the answer is "unknown"
    """

    mean: NDArray[np.float32]
    inverse_deviation: NDArray[np.float32]
    components: NDArray[np.float32]
    prototypes: NDArray[np.float32]
    doubts: NDArray[np.float64]
    distances: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    def __post_init__(self) -> None:
        d, p = self.mean.shape[:1], self.prototypes.shape[:1]
        m = self.components.shape[1:]
        shapes = {field.name: getattr(self, field.name).shape for field in fields(self)}
        ranked = {"doubts": (2, N_RANKS), "distances": (2, N_RANKS), "thresholds": (2,)}
        placed = {"mean": d, "inverse_deviation": d, "components": (*d, *m), "prototypes": (*p, *m)}
        if shapes != placed | ranked or not (len(d) == len(m) == 1 and p > (0,)):
            raise BundleError(f"A bundle's novelty arrays must fit each other. Their shapes are {shapes}.")

    def distance(self, row: NDArray[np.float32]) -> float:
        """Return the mean distance of a row, shape (d,), from the nearest prototypes."""
        scaled = np.clip((row - self.mean) * self.inverse_deviation, -10.0, 10.0)
        away = np.sqrt(((self.prototypes - scaled @ self.components) ** 2).sum(axis=1))
        return float(np.sort(away)[:N_NEAREST].mean())

    def score(self, level: NoveltyLevel, *, doubt: float | None, distance: float) -> float:
        """Return the novelty of one answer.

        Parameters
        ----------
        level : window or recording
        doubt : one less the probability of the class answered; None for numbers, whose distance's rank stands in
        distance : of the window's row, or the mean over the recording's windows
        """
        place = LEVELS.index(level)
        ranks = np.linspace(0.0, 1.0, N_RANKS)
        known = self.distances[place]
        rank = np.interp(distance, known, ranks) if doubt is None else np.interp(doubt, self.doubts[place], ranks)
        return float(rank + max(0.0, distance / max(known[FAR_RANK], 1e-12) - 1.0))

    def is_unknown(self, level: NoveltyLevel, novelty: float) -> bool:
        """Whether a sound of this novelty should be answered "unknown"."""
        return novelty > float(self.thresholds[LEVELS.index(level)])
