"""Drift of the novelty rate: whether more recordings are unlike all training sound than should be."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.monitoring.drift.resampling import effective_size_ratio, p_values
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_RISE", "NoveltyRateDrift", "novelty_rate_drift"]

MIN_RISE = 0.05
"""Points by which the share must have risen, whatever the significance."""


@dataclass(frozen=True, slots=True)
class NoveltyRateDrift:
    """How many recordings are unlike all training sound.

    Parameters
    ----------
    before, after : share of recordings of training and of live ones
    p : significance of a rise, by shuffles
    p_apart : if every recording counted for itself
    """

    before: float
    after: float
    p: float
    p_apart: float

    def drifted(self, rate: float) -> bool:
        """Whether the share rose significantly, and by enough points."""
        return self.p <= rate and self.after - self.before >= MIN_RISE

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def novelty_rate_drift(reference: Sample, window: Sample, masks: NDArray[np.bool_]) -> NoveltyRateDrift:
    """Compare the shares of recordings that are answered "unknown".

    Parameters
    ----------
    reference, window : of one model
    dealt : which recordings are the window's, as observed and in shuffles
    """
    unknown = np.concatenate([reference.unknown, window.unknown]).astype(np.float64)
    groups = np.concatenate([reference.groups, window.groups])
    rises = unknown @ masks - unknown.mean() * len(window)
    shrunk = rises[0] * np.sqrt(effective_size_ratio(unknown[:, None], groups, masks[:, 0])[0])
    p, p_apart = p_values(np.array([shrunk, rises[0]]), rises[1:])
    return NoveltyRateDrift(float(reference.unknown.mean()), float(window.unknown.mean()), float(p), float(p_apart))
