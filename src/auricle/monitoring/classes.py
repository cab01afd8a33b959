"""Drift of the answers: whether classes are answered as often as among the recordings of training."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.monitoring.resampling import p_values, worth
from auricle.monitoring.sample import Sample

__all__ = ["LEAST_SHARE", "ClassDrift", "ClassShare", "class_drift"]

LEAST_SHARE = 0.05
"""Points by which a class must have become rarer or more common, whatever the significance."""

TINY = 1e-9


@dataclass(frozen=True, slots=True)
class ClassShare:
    """How often a class is answered.

    Parameters
    ----------
    label : the class
    before, after : share of the answers, among recordings of training and live ones
    p : significance among all classes, by shuffles
    """

    label: str
    before: float
    after: float
    p: float

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ClassDrift:
    """How often every class is answered, and whether that has changed.

    Parameters
    ----------
    shares : one a class
    p : significance of the class that changed most
    p_apart : if every recording counted for itself
    """

    shares: tuple[ClassShare, ...]
    p: float
    p_apart: float

    def moved(self, rate: float) -> bool:
        """Whether a class became significantly rarer or more common, and by enough points."""
        return any(one.p <= rate and abs(one.after - one.before) >= LEAST_SHARE for one in self.shares)

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {"p": self.p, "p_apart": self.p_apart, "shares": [one.as_json() for one in self.shares]}


def class_drift(reference: Sample, window: Sample, dealt: NDArray[np.bool_]) -> ClassDrift:
    """Compare how often each class is answered; an answer counts by its confidence, so that guesses count less.

    The statistic is the likelihood ratio of one class against all others: a class that has vanished stands out more
    than by the difference of its shares. One class is asked about after having looked at all of them.

    Parameters
    ----------
    reference, window : of one classifier
    dealt : which recordings are the window's, as observed and in shuffles
    """
    n_classes = len(reference.classes)
    chosen = np.concatenate([reference.chosen, window.chosen])
    weights = np.zeros((len(chosen), n_classes))
    weights[np.arange(len(chosen)), chosen] = np.concatenate([reference.confidence, window.confidence])
    ratios = _likelihood_ratios(weights, dealt)
    most = ratios.max(axis=0)[1:]
    groups = np.concatenate([reference.groups, window.groups])
    p = p_values(ratios[:, 0] * worth(weights, groups, dealt[:, 0]), most)
    before, after = (np.bincount(one.chosen, minlength=n_classes) / len(one) for one in (reference, window))
    shares = tuple(
        ClassShare(label, float(before[i]), float(after[i]), float(p[i])) for i, label in enumerate(reference.classes)
    )
    return ClassDrift(shares, float(p.min()), float(p_values(ratios[:, 0], most).min()))


def _likelihood_ratios(weights: NDArray[np.float64], dealt: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return twice the logarithm of each class's likelihood ratio in every shuffle, shape (n_classes, n_shuffles)."""
    n, n_window = len(weights), int(dealt[:, 0].sum())
    window = weights.T @ dealt.astype(np.float64)
    whole = weights.sum(axis=0)[:, None]
    share = whole / n
    found = np.zeros_like(window)
    for counts, size in ((window, n_window), (np.maximum(whole - window, 0.0), n - n_window)):
        for observed, expected in ((counts, size * share), (size - counts, size * (1.0 - share))):
            found += observed * np.log(np.maximum(observed, TINY) / np.maximum(expected, TINY))
    return 2.0 * found
