"""Calibration drift: whether confidence still means what it meant, by labels.

A prediction of 90% confidence was right in nine of ten training recordings, out of fold. Labelled recordings are parted
by confidence, and in each part the share of right predictions is compared with that of training recordings of similar
confidence. It differs from a loss of accuracy: a window of harder sounds is predicted worse with honest confidence.

Metric: :func:`calibration_drift`. Drift needs significance, and a gap of at least ``MIN_GAP`` in some part.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, f

from auricle.monitoring.performance.design_effect import design_effect
from auricle.monitoring.sources.sample import Sample

__all__ = ["MIN_GAP", "CalibrationDrift", "calibration_drift"]

MIN_GAP: Final = 0.15
"""Smallest gap that counts, between the accuracy of a part and that of similar training recordings."""
N_PARTS: Final = 5
MIN_IN_PART: Final = 20


@dataclass(frozen=True, slots=True)
class CalibrationDrift:
    """Change of the accuracy at equal confidence.

    Parameters
    ----------
    p : float
        p-value over all parts.
    confidence : float
        Mean confidence of the part that differs most.
    accuracy, expected : float
        Its accuracy, and that of training recordings of similar confidence.
    n : int
        Labels of that part.
    """

    p: float
    confidence: float
    accuracy: float
    expected: float
    n: int

    def drifted(self, rate: float) -> bool:
        """Whether the change is significant at a rate, and at least ``MIN_GAP``."""
        return self.p <= rate and abs(self.accuracy - self.expected) >= MIN_GAP


def calibration_drift(labelled: Sample, drawn: NDArray[np.float64], *, icc: float = 0.0) -> CalibrationDrift | None:
    """Compare labelled recordings with losses drawn from training recordings of similar confidence.

    Parameters
    ----------
    labelled : Sample
        Of a classifier.
    drawn : float64, shape (n_draws, n)
        From :func:`~auricle.monitoring.performance.matched_reference.drawn_losses`.
    icc : float
        Intraclass correlation of the losses within a group of labelled recordings.

    Returns
    -------
    CalibrationDrift or None
        None with fewer labels than a part needs.

    Source: Hosmer and Lemeshow (1980), the statistic of parts, with its distribution from draws.
    """
    n_parts = min(N_PARTS, len(labelled) // MIN_IN_PART)
    if n_parts < 1:
        return None
    confidence, loss = labelled.confidence, labelled.losses
    parts = np.array_split(np.argsort(confidence, kind="stable"), n_parts)
    sizes = np.array([len(part) for part in parts])
    observed = np.array([loss[part].mean() for part in parts])
    by_chance = np.stack([drawn[:, part].mean(axis=1) for part in parts], axis=1)
    mean = by_chance.mean(axis=0)
    angles, centre = _angle(by_chance, sizes), _angle(by_chance, sizes).mean(axis=0)
    effects, freedoms = np.array([design_effect(labelled.groups[part], icc) for part in parts]).T
    deviation = np.maximum(angles.std(axis=0), 0.5 / np.sqrt(sizes))
    scores = (_angle(observed, sizes) - centre) / (deviation * np.sqrt(effects))
    statistic = float((scores**2).sum())
    shuffled = (((angles - centre) / deviation) ** 2).sum(axis=1)
    p = (1.0 + float((shuffled >= statistic).sum())) / (1.0 + len(shuffled))
    if statistic > shuffled.max():
        p = min(p, float(chi2.sf(statistic, n_parts)))
    freedom = float(freedoms.min())
    if np.isfinite(freedom):  # few groups: F in the place of chi-square, at the same quantile
        p = float(f.sf(chi2.isf(p, n_parts) / n_parts, n_parts, freedom))
    worst = int(np.abs(scores).argmax())
    part = parts[worst]
    return CalibrationDrift(
        p, float(confidence[part].mean()), 1.0 - float(observed[worst]), 1.0 - float(mean[worst]), len(part)
    )


def _angle(shares: NDArray[np.float64], sizes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return shares of errors on a scale on which they vary alike, however few errors there are (Anscombe, 1948).

    Rare errors are skewed: squared differences of their shares take a few by chance for a change, or hide one.
    """
    return np.asarray(np.arcsin(np.sqrt((shares * sizes + 0.375) / (sizes + 0.75))))
