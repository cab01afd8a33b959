"""Which recordings show best what has changed: they are the ones to label first."""

import numpy as np

from auricle.monitoring.sample import Sample

__all__ = ["typical"]

LIMIT = 3.0
"""Deviations beyond which a column counts no farther, so that one broken recording does not set the direction."""


def typical(reference: Sample, window: Sample) -> dict[str, float]:
    """Return how far each recording has gone where the whole window went, by its id.

    Parameters
    ----------
    reference : what the model saw
    window : what it hears, at least one recording

    Returns
    -------
    deviations of the reference along the way from its mean to the window's
    """
    before = np.column_stack([reference.rows, reference.quality]).astype(np.float64)
    after = np.column_stack([window.rows, window.quality]).astype(np.float64)
    spread = before.std(axis=0)
    varied = spread > 0
    moved = np.clip((after[:, varied] - before[:, varied].mean(axis=0)) / spread[varied], -LIMIT, LIMIT)
    way = moved.mean(axis=0)
    length = float(np.linalg.norm(way))
    scores = moved @ way / length if length else np.zeros(len(moved))
    return dict(zip(window.ids.tolist(), scores.tolist(), strict=True))
