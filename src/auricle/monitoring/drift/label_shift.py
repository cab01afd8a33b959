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

__all__ = ["MIN_SHARE_CHANGE", "ClassShare", "LabelShift", "label_shift"]

MIN_SHARE_CHANGE = 0.05
"""Points by which a class must have become rarer or more common, whatever the significance."""

SINGLE_CLASS_ICC = 0.3
"""Likeness of a group's recordings from which on they are taken to be of one class: such as are answered rightly four
times in five are alike by a little more."""

MIN_PROBABILITY = 0.005
"""Least chance that an answer is wrong, however sure it is: one such answer must not outweigh all others."""
TESTED_SHARES = np.concatenate([[0.0, 0.002, 0.005], np.geomspace(0.01, 0.5, 22), np.linspace(0.55, 1.0, 8)])
"""Of a class, at which its likelihood is looked at in every shuffle."""
SHARE_GRID = np.linspace(0.0, 1.0, 501)
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

    def drifted(self, rate: float) -> bool:
        """Whether it became significantly rarer or more common, and by enough points."""
        return self.p <= rate and abs(self.likely_after - self.likely_before) >= MIN_SHARE_CHANGE

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

    def drifted(self, rate: float) -> bool:
        """Whether a class became significantly rarer or more common, and by enough points."""
        return any(one.drifted(rate) for one in self.shares)

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {"p": self.p, "p_apart": self.p_apart, "shares": [one.as_json() for one in self.shares]}


def label_shift(reference: Sample, window: Sample, masks: NDArray[np.bool_], *, seed: int) -> LabelShift:
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
    probabilities = np.clip(np.concatenate([reference.outputs, window.outputs]).astype(np.float64), MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)
    groups = np.concatenate([reference.groups, window.groups])
    ungrouped = _likelihood_ratios(probabilities, n, np.arange(len(probabilities)), np.zeros(probabilities.shape[1]), masks)
    p_apart = _significance(ungrouped)
    blocks = blocks_of(groups, masks[:, 0])
    n_blocks = blocks.n_reference, len(blocks.sizes) - blocks.n_reference
    if sum(n_blocks) == len(probabilities):
        p = p_apart
    elif min(n_blocks) >= MANY_GROUPS:
        total = permutation_masks(*n_blocks, n_shuffles=masks.shape[1] - 1, seed=seed)
        p = _significance(_likelihood_ratios(probabilities, n, blocks.members, intraclass_correlation(probabilities, blocks), total))
    else:
        ungrouped[:, 0] *= effective_size_ratio(probabilities, groups, masks[:, 0])
        p = _significance(ungrouped)
    before, after = (np.bincount(one.predicted, minlength=len(p)) / len(one) for one in (reference, window))
    likely = _most_likely_shares(probabilities[:n], probabilities[:n]), _most_likely_shares(probabilities[n:], probabilities[:n])
    columns = zip(reference.classes, zip(before, after, *likely, p, strict=True), strict=True)
    names = ("before", "after", "likely_before", "likely_after", "p")
    return LabelShift(
        tuple(ClassShare(label, **dict(zip(names, map(float, numbers), strict=True))) for label, numbers in columns),
        float(p.min()),
        float(p_apart.min()),
    )


def _likelihood_ratios(
    probabilities: NDArray[np.float64],
    n_reference: int,
    members: NDArray[np.intp],
    icc: NDArray[np.float64],
    masks: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return twice the logarithm of each class's likelihood ratio in every shuffle, shape (n_classes, n_dealt).

    Parameters
    ----------
    members : shape (n,), the block, that is the row of ``masks``, of each recording
    alike : how alike recordings of a block are, shape (n_classes,)
    """
    order, sizes = np.argsort(members, kind="stable"), np.bincount(members)
    starts = np.cumsum(sizes) - sizes
    membership = masks.astype(np.float32)
    ratios = []
    for column, class_icc, prior in zip(probabilities.T, icc, probabilities[:n_reference].mean(axis=0), strict=True):
        if class_icc >= SINGLE_CLASS_ICC:
            block_logit = np.add.reduceat((logit(column) - logit(prior))[order], starts) + logit(prior)
            log_likelihoods = _log_likelihoods(TESTED_SHARES, np.clip(expit(block_logit), MIN_PROBABILITY, 1.0 - MIN_PROBABILITY), prior)
        else:
            weights = 1.0 / (1.0 + (sizes[members] - 1.0) * class_icc)
            log_likelihoods = np.add.reduceat((_log_likelihoods(TESTED_SHARES, column, prior) * weights)[:, order], starts, axis=1)
        window = log_likelihoods.astype(np.float32) @ membership
        total = log_likelihoods.sum(axis=1)
        rest = total[:, None] - window
        ratios.append(2.0 * (window.max(axis=0) + rest.max(axis=0) - total.max()))
    return np.asarray(ratios, np.float64)


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
    scores = (np.cbrt(by_chance / mean) - 1.0 + spread) / np.sqrt(spread)
    return p_values(scores[:, 0], scores[:, 1:].max(axis=0))


def _most_likely_shares(probabilities: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each class that makes all answers likeliest."""
    columns = zip(probabilities.T, reference.mean(axis=0), strict=True)
    return np.array([SHARE_GRID[_log_likelihoods(SHARE_GRID, column, prior).sum(axis=1).argmax()] for column, prior in columns])


def _log_likelihoods(shares: NDArray[np.float64], probabilities: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    """Return the logarithm of how likely each answer is at each share, shape (n_shares, n).

    Parameters
    ----------
    answers : probabilities of a class, shape (n,)
    usual : its share in training, for which they are calibrated
    """
    inside, outside = probabilities / prior, (1.0 - probabilities) / (1.0 - prior)
    return np.asarray(np.log(np.outer(shares, inside) + np.outer(1.0 - shares, outside)))
