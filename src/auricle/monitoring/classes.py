"""Drift of the answers: whether classes come as often as among the recordings of training."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.monitoring.resampling import p_values, worth_of_share
from auricle.monitoring.sample import Sample

__all__ = ["LEAST_SHARE", "ClassDrift", "ClassShare", "class_drift"]

LEAST_SHARE = 0.05
"""Points by which a class must have become rarer or more common, whatever the significance."""

DOUBT = 0.005
"""Least chance that an answer is wrong, however sure it is: one such answer must not outweigh all others."""
SHARES = np.concatenate([[0.0, 0.002, 0.005], np.geomspace(0.01, 0.5, 22), np.linspace(0.55, 1.0, 8)])
"""Of a class, at which its likelihood is looked at in every shuffle."""
TOLD = np.linspace(0.0, 1.0, 501)
"""The same, for the shares that are told."""


@dataclass(frozen=True, slots=True)
class ClassShare:
    """How often a class is answered, and how often it is there.

    Parameters
    ----------
    label : the class
    before, after : share of the answers, among recordings of training and live ones
    likely_before, likely_after : share of the recordings that makes all answers likeliest: what other classes are
        mistaken for it is left out
    p : significance among all classes, by shuffles
    """

    label: str
    before: float
    after: float
    likely_before: float
    likely_after: float
    p: float

    def moved(self, rate: float) -> bool:
        """Whether it became significantly rarer or more common, and by enough points."""
        return self.p <= rate and abs(self.likely_after - self.likely_before) >= LEAST_SHARE

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ClassDrift:
    """How often every class comes, and whether that has changed.

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
        return any(one.moved(rate) for one in self.shares)

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {"p": self.p, "p_apart": self.p_apart, "shares": [one.as_json() for one in self.shares]}


def class_drift(reference: Sample, window: Sample, dealt: NDArray[np.bool_]) -> ClassDrift:
    """Compare how often each class comes, by the likelihood of all answers and not by their number.

    A classifier's mistakes answer a class that is no longer there: with ten kinds of sound, of which it tells five in
    six, a class that has vanished is still answered a quarter as often as before. So a share is not counted but
    fitted: probabilities, calibrated at the class's share in training, tell how likely an answer is at any other
    share. The statistic of a class is by how much two shares, of training and now, are likelier than one for both.

    Parameters
    ----------
    reference, window : of one classifier
    dealt : which recordings are the window's, as observed and in shuffles

    Source: Saerens, Latinne and Decaestecker (2002), "Adjusting the outputs of a classifier to new a priori
    probabilities"; Lipton, Wang and Smola (2018), "Detecting and correcting for label shift with black box predictors".
    """
    n_classes = len(reference.classes)
    answers = np.clip(np.concatenate([reference.answers, window.answers]).astype(np.float64), DOUBT, 1.0 - DOUBT)
    sides = dealt.astype(np.float32)
    fitted = [_likelihood_ratios(answers[:, i], len(reference), sides) for i in range(n_classes)]
    ratios = np.stack([ratio for ratio, _ in fitted])
    most = ratios.max(axis=0)[1:]
    groups = np.concatenate([reference.groups, window.groups])
    p = p_values(ratios[:, 0] * worth_of_share(answers, groups, dealt[:, 0]), most)
    before, after = (np.bincount(one.chosen, minlength=n_classes) / len(one) for one in (reference, window))
    shares = tuple(
        ClassShare(label, float(before[i]), float(after[i]), *fitted[i][1], float(p[i]))
        for i, label in enumerate(reference.classes)
    )
    return ClassDrift(shares, float(p.min()), float(p_values(ratios[:, 0], most).min()))


def _likelihood_ratios(
    answers: NDArray[np.float64], n_reference: int, sides: NDArray[np.float32]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Return twice the logarithm of a class's likelihood ratio in every shuffle, and its likeliest shares."""
    usual = float(answers[:n_reference].mean())
    inside, outside = answers / usual, (1.0 - answers) / (1.0 - usual)
    likelihoods = _likelihoods(SHARES, inside, outside)
    window = likelihoods.astype(np.float32) @ sides
    whole = likelihoods.sum(axis=1)
    rest = whole[:, None] - window
    found = 2.0 * (window.max(axis=0) + rest.max(axis=0) - whole.max())
    parts = (slice(None, n_reference), slice(n_reference, None))
    before, after = (float(TOLD[_likelihoods(TOLD, inside[p], outside[p]).sum(axis=1).argmax()]) for p in parts)
    return np.asarray(found, np.float64), (before, after)


def _likelihoods(
    shares: NDArray[np.float64], inside: NDArray[np.float64], outside: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the logarithm of how likely each answer is at each share, shape (n_shares, n)."""
    return np.asarray(np.log(np.outer(shares, inside) + np.outer(1.0 - shares, outside)))
