"""Fitting of novelty: where training rows lie, and how doubtful and distant recordings are that were left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from auricle.models.scaling import Standardize

__all__ = ["MAX_PROTOTYPES", "N_COMPONENTS", "Place", "fit_place"]

N_COMPONENTS = 32
MAX_PROTOTYPES = 1000
"""Most training rows that are kept to measure distance from; of more, an evenly spread choice."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where training rows lie: their scale, the directions in which they vary most, and a choice of them."""

    mean: NDArray[np.float32]
    inverse_deviation: NDArray[np.float32]
    components: NDArray[np.float32]
    prototypes: NDArray[np.float32]


def fit_place(rows: NDArray[np.float32], *, seed: int) -> Place:
    """Describe where rows, shape (n, d), lie."""
    scaler = Standardize(limit=10.0).fit(rows)
    scaled = scaler.transform(rows)
    m = min(N_COMPONENTS, *scaled.shape)
    _, _, directions = randomized_svd(scaled, m, random_state=seed)
    components = np.ascontiguousarray(directions.T, dtype=np.float32)
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MAX_PROTOTYPES)).round().astype(int))
    return Place(scaler.mean_, scaler.inverse_deviation_, components, scaled[chosen] @ components)
