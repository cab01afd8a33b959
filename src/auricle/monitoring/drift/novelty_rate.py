"""Novelty rate: whether more recordings are out of distribution than in the training data.

Each recording is flagged as unknown where its novelty exceeds the model's threshold. The statistic is the number of
flagged live recordings beyond the common share.

Conventions: reference and window are Samples of one model; ``masks`` are permutation masks, bool, shape
(n, 1 + n_shuffles), with the observed assignment in column 0.

Metric: :func:`novelty_rate_drift`. Drift needs a significant rise of at least ``MIN_RISE``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.monitoring.drift.resampling import effective_size_ratio, p_values
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_RISE", "NoveltyRateDrift", "novelty_rate_drift"]

MIN_RISE = 0.05
"""Smallest rise of the share that counts as drift, in points, whatever its significance."""


@dataclass(frozen=True, slots=True)
class NoveltyRateDrift:
    """Share of recordings flagged as unknown.

    Parameters
    ----------
    before, after : float
        Share in the training data and in the window.
    p : float
        Permutation p-value of a rise.
    """

    before: float
    after: float
    p: float

    def drifted(self, rate: float) -> bool:
        """Whether the rise is significant at a rate, and at least ``MIN_RISE``."""
        return self.p <= rate and self.after - self.before >= MIN_RISE


def novelty_rate_drift(reference: Sample, window: Sample, masks: NDArray[np.bool_]) -> NoveltyRateDrift:
    """Compare the shares of recordings flagged as unknown.

    Parameters
    ----------
    reference, window : Sample
    masks : bool, shape (n, 1 + n_shuffles)
        Permutation masks of the window.
    """
    unknown = np.concatenate([reference.unknown, window.unknown]).astype(np.float64)
    groups = np.concatenate([reference.groups, window.groups])
    rises = unknown @ masks - unknown.mean() * len(window)
    shrunk = rises[0] * np.sqrt(effective_size_ratio(unknown[:, None], groups, masks[:, 0])[0])
    p = p_values(np.array([shrunk]), rises[1:])[0]
    return NoveltyRateDrift(float(reference.unknown.mean()), float(window.unknown.mean()), float(p))
