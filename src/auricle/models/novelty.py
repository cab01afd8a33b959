"""Fitting of novelty: where training rows lie in a few columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.models.preprocessing import Standardize

__all__ = ["MAX_PROTOTYPES", "Prototypes", "fit_prototypes"]

MAX_PROTOTYPES = 1000
"""Most training rows that are kept to measure distance from; of more, an evenly spread choice."""


@dataclass(frozen=True, slots=True, eq=False)
class Prototypes:
    """Where training rows lie: mean and scale of their columns, and a choice of the rows in deviations."""

    mean: NDArray[np.float32]
    inverse_deviation: NDArray[np.float32]
    prototypes: NDArray[np.float32]


def fit_prototypes(rows: NDArray[np.float32], *, limit: float) -> Prototypes:
    """Describe where rows, shape (n, d), lie; no column counts for more than ``limit`` deviations."""
    scaler = Standardize(limit=limit).fit(rows)
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MAX_PROTOTYPES)).round().astype(int))
    return Prototypes(scaler.mean_, scaler.inverse_deviation_, scaler.transform(rows[chosen]))
