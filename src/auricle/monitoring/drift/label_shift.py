"""Drift of the answers: whether classes come as often as among the recordings of training."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from auricle.monitoring.drift.resampling import (
    MANY_GROUPS,
    blocks_of,
    effective_size_ratio,
    intraclass_correlation,
    p_values,
    permutation_masks,
)
from auricle.monitoring.sources.sample import Sample

__all__ = ["LEAST_SHARE", "ClassShare", "LabelShift", "label_shift"]

LEAST_SHARE = 0.05
"""Points by which a class must have become rarer or more common, whatever the significance."""

OF_ONE_CLASS = 0.3
"""Likeness of a group's recordings from which on they are taken to be of one class: such as are answered rightly four
times in five are alike by a little more."""

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
class LabelShift:
    """How often every class comes, and whether that has changed.

    Parameters
    ----------
    shares : one a class
    p : significance of the class that changed most
    p_apart : if every recording counted for itself, whatever its group
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


def label_shift(reference: Sample, window: Sample, dealt: NDArray[np.bool_], *, seed: int) -> LabelShift:
    """Compare how often each class comes, by the likelihood of all answers and not by their number.

    A classifier's mistakes answer a class that is no longer there: with ten kinds of sound, of which it tells five in
    six, a class that has vanished is still answered a quarter as often as before. So a share is not counted but
    fitted: probabilities, calibrated at the class's share in training, tell how likely an answer is at any other
    share. The statistic of a class is by how much two shares, of training and now, are likelier than one for both.

    Where both sides have many groups, whole groups are shuffled, whatever they hold. Recordings of a group that are of
    one class are one trial, and say together which class it is; else a recording weighs the less the more there are of
    its group and the more alike they are. Few groups can be dealt in too few ways: then recordings are, and the
    statistic is shrunk to what the groups are worth.

    Parameters
    ----------
    reference, window : of one classifier
    dealt : which recordings are the window's, as observed and in shuffles
    seed : of the shuffles of groups

    Source: Saerens, Latinne and Decaestecker (2002), "Adjusting the outputs of a classifier to new a priori
    probabilities"; Lipton, Wang and Smola (2018), "Detecting and correcting for label shift with black box predictors".
    """
    n = len(reference)
    answers = np.clip(np.concatenate([reference.answers, window.answers]).astype(np.float64), DOUBT, 1.0 - DOUBT)
    groups = np.concatenate([reference.groups, window.groups])
    apart = _ratios(answers, n, np.arange(len(answers)), np.zeros(answers.shape[1]), dealt)
    p_apart = _significance(apart)
    blocks = blocks_of(groups, dealt[:, 0])
    n_each = blocks.n_reference, len(blocks.sizes) - blocks.n_reference
    if sum(n_each) == len(answers):
        p = p_apart
    elif min(n_each) >= MANY_GROUPS:
        whole = permutation_masks(*n_each, n_shuffles=dealt.shape[1] - 1, seed=seed)
        p = _significance(_ratios(answers, n, blocks.members, intraclass_correlation(answers, blocks), whole))
    else:
        apart[:, 0] *= effective_size_ratio(answers, groups, dealt[:, 0])
        p = _significance(apart)
    before, after = (np.bincount(one.chosen, minlength=len(p)) / len(one) for one in (reference, window))
    likely = _likeliest(answers[:n], answers[:n]), _likeliest(answers[n:], answers[:n])
    columns = zip(reference.classes, zip(before, after, *likely, p, strict=True), strict=True)
    names = ("before", "after", "likely_before", "likely_after", "p")
    return LabelShift(
        tuple(ClassShare(label, **dict(zip(names, map(float, numbers), strict=True))) for label, numbers in columns),
        float(p.min()),
        float(p_apart.min()),
    )


def _ratios(
    answers: NDArray[np.float64],
    n_reference: int,
    members: NDArray[np.intp],
    alike: NDArray[np.float64],
    dealt: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return twice the logarithm of each class's likelihood ratio in every shuffle, shape (n_classes, n_dealt).

    Parameters
    ----------
    members : shape (n,), the block, that is the row of ``dealt``, of each recording
    alike : how alike recordings of a block are, shape (n_classes,)
    """
    order, sizes = np.argsort(members, kind="stable"), np.bincount(members)
    starts = np.cumsum(sizes) - sizes
    sides = dealt.astype(np.float32)
    found = []
    for answer, same, usual in zip(answers.T, alike, answers[:n_reference].mean(axis=0), strict=True):
        if same >= OF_ONE_CLASS:
            together = np.add.reduceat((logit(answer) - logit(usual))[order], starts) + logit(usual)
            likelihoods = _likelihoods(SHARES, np.clip(expit(together), DOUBT, 1.0 - DOUBT), usual)
        else:
            weights = 1.0 / (1.0 + (sizes[members] - 1.0) * same)
            likelihoods = np.add.reduceat((_likelihoods(SHARES, answer, usual) * weights)[:, order], starts, axis=1)
        window = likelihoods.astype(np.float32) @ sides
        whole = likelihoods.sum(axis=1)
        rest = whole[:, None] - window
        found.append(2.0 * (window.max(axis=0) + rest.max(axis=0) - whole.max()))
    return np.asarray(found, np.float64)


def _significance(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each class's significance among all, for ratios as observed and in shuffles.

    Classes whose recordings come from few groups vary more than others by chance, and would hide a change in those. So
    every ratio is measured against its own class's: as a multiple of a chi-square variable, brought to a normal one.

    Source: Satterthwaite (1946), "An approximate distribution of estimates of variance components"; Wilson and Hilferty
    (1931), "The distribution of chi-square".
    """
    by_chance = np.maximum(ratios, 0.0)
    mean = np.maximum(by_chance.mean(axis=1, keepdims=True), 1e-12)
    spread = np.maximum(by_chance.var(axis=1, keepdims=True) / (9.0 * mean**2), 1e-12)
    standing = (np.cbrt(by_chance / mean) - 1.0 + spread) / np.sqrt(spread)
    return p_values(standing[:, 0], standing[:, 1:].max(axis=0))


def _likeliest(answers: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each class that makes all answers likeliest."""
    columns = zip(answers.T, reference.mean(axis=0), strict=True)
    return np.array([TOLD[_likelihoods(TOLD, answer, usual).sum(axis=1).argmax()] for answer, usual in columns])


def _likelihoods(shares: NDArray[np.float64], answers: NDArray[np.float64], usual: float) -> NDArray[np.float64]:
    """Return the logarithm of how likely each answer is at each share, shape (n_shares, n).

    Parameters
    ----------
    answers : probabilities of a class, shape (n,)
    usual : its share in training, for which they are calibrated
    """
    inside, outside = answers / usual, (1.0 - answers) / (1.0 - usual)
    return np.asarray(np.log(np.outer(shares, inside) + np.outer(1.0 - shares, outside)))
