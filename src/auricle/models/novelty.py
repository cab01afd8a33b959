"""Prototypes for novelty detection: standardised training rows to measure distances from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.models.preprocessing import Standardize

__all__ = ["MAX_PROTOTYPES", "Prototypes", "fit_prototypes"]

MAX_PROTOTYPES = 1000
"""Most training rows kept; of more, evenly spaced ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Prototypes:
    """Mean and inverse standard deviation of the training columns, and standardised training rows."""

    mean: NDArray[np.float32]
    inverse_deviation: NDArray[np.float32]
    prototypes: NDArray[np.float32]


def fit_prototypes(rows: NDArray[np.float32], *, limit: float) -> Prototypes:
    """Fit prototypes on rows, shape (n, d), clipped to ``limit`` standard deviations per column."""
    scaler = Standardize(limit=limit).fit(rows)
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MAX_PROTOTYPES)).round().astype(int))
    return Prototypes(scaler.mean_, scaler.inverse_deviation_, scaler.transform(rows[chosen]))
