"""Label shift: whether classes occur as often as in the training data.

Counting predictions hides a change: misclassified sounds still predict a class that no longer occurs. So class shares
are estimated by maximum likelihood from calibrated probabilities, and the statistic of a class is the likelihood ratio
between two shares, of training data and window, and one common share.

Conventions: predictions are calibrated probabilities, shape (n, n_classes), out of fold for the reference. ``masks``
are permutation masks, bool, shape (n, 1 + n_shuffles); column 0 is the observed assignment. p-values are adjusted over
classes by the maximum statistic.

Metric: :func:`label_shift`. Drift needs significance and a share that changed by at least ``MIN_SHARE_CHANGE``.
"""

from dataclasses import dataclass

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
"""Smallest change of a class share that counts as drift, in points, whatever its significance."""

SINGLE_CLASS_ICC = 0.3
"""Intraclass correlation of a group from which on its recordings are taken to be of one class. Groups of one class with
four of five recordings predicted correctly have a slightly higher one."""

MIN_PROBABILITY = 0.005
"""Smallest probability of an error, so that one confident error cannot outweigh all other predictions."""
TESTED_SHARES = np.concatenate([[0.0, 0.002, 0.005], np.geomspace(0.01, 0.5, 22), np.linspace(0.55, 1.0, 8)])
"""Class shares at which the likelihood is evaluated in every permutation."""
SHARE_GRID = np.linspace(0.0, 1.0, 501)
"""Class shares at which the reported maximum-likelihood estimate is searched."""


@dataclass(frozen=True, slots=True)
class ClassShare:
    """Share of one class, in predictions and by maximum likelihood.

    Parameters
    ----------
    label : str
    before, after : float
        Share of the predictions, in the training data and in the window.
    likely_before, likely_after : float
        Maximum-likelihood share of the recordings, corrected for misclassification.
    p : float
        Permutation p-value, adjusted over classes.
    """

    label: str
    before: float
    after: float
    likely_before: float
    likely_after: float
    p: float

    def drifted(self, rate: float) -> bool:
        """Whether the share changed significantly at a rate, and by at least ``MIN_SHARE_CHANGE``."""
        return self.p <= rate and abs(self.likely_after - self.likely_before) >= MIN_SHARE_CHANGE


@dataclass(frozen=True, slots=True)
class LabelShift:
    """Class shares in the training data and in the window.

    Parameters
    ----------
    p : float
        p-value of the class that changed most.
    shares : tuple of ClassShare
        One per class.
    """

    p: float
    shares: tuple[ClassShare, ...]

    def drifted(self, rate: float) -> bool:
        """Whether any class share changed significantly at a rate, and by at least ``MIN_SHARE_CHANGE``."""
        return any(one.drifted(rate) for one in self.shares)


def label_shift(reference: Sample, window: Sample, masks: NDArray[np.bool_], *, seed: int) -> LabelShift:
    """Compare class shares by the likelihood of all predictions.

    Probabilities are calibrated at the class share of the training data; they give the likelihood of a prediction at
    any other share.

    With many groups on both sides, whole groups are permuted. Groups of recordings of one class count as one trial;
    otherwise recordings are weighted by the effective size of their group. With few groups there are too few
    permutations of groups: recordings are permuted, and the statistic is scaled by the effective sample size.

    Parameters
    ----------
    reference, window : Sample
        Predictions of one classifier.
    masks : bool, shape (n, 1 + n_shuffles)
        Permutation masks of the window.
    seed : int
        Of the permutations of groups.

    Source: Saerens, Latinne and Decaestecker (2002), "Adjusting the outputs of a classifier to new a priori
    probabilities"; Lipton, Wang and Smola (2018), "Detecting and correcting for label shift with black box predictors".
    """
    n = len(reference)
    probabilities = np.clip(
        np.concatenate([reference.outputs, window.outputs]).astype(np.float64), MIN_PROBABILITY, 1.0 - MIN_PROBABILITY
    )
    groups = np.concatenate([reference.groups, window.groups])
    blocks = blocks_of(groups, masks[:, 0])
    n_blocks = blocks.n_reference, len(blocks.sizes) - blocks.n_reference
    if sum(n_blocks) < len(probabilities) and min(n_blocks) >= MANY_GROUPS:
        block_masks = permutation_masks(*n_blocks, n_shuffles=masks.shape[1] - 1, seed=seed)
        icc = intraclass_correlation(probabilities, blocks)
        ratios = _likelihood_ratios(probabilities, n, blocks.members, icc, block_masks)
    else:
        alone = np.arange(len(probabilities)), np.zeros(probabilities.shape[1])
        ratios = _likelihood_ratios(probabilities, n, *alone, masks)
        ratios[:, 0] *= effective_size_ratio(probabilities, groups, masks[:, 0])
    p = _significance(ratios)
    before, after = (np.bincount(one.predicted, minlength=len(p)) / len(one) for one in (reference, window))
    likely = (
        _most_likely_shares(probabilities[:n], probabilities[:n]),
        _most_likely_shares(probabilities[n:], probabilities[:n]),
    )
    columns = zip(reference.classes, zip(before, after, *likely, p, strict=True), strict=True)
    names = ("before", "after", "likely_before", "likely_after", "p")
    shares = (ClassShare(label, **dict(zip(names, map(float, numbers), strict=True))) for label, numbers in columns)
    return LabelShift(p=float(p.min()), shares=tuple(shares))


def _likelihood_ratios(
    probabilities: NDArray[np.float64],
    n_reference: int,
    members: NDArray[np.intp],
    icc: NDArray[np.float64],
    masks: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return twice the log likelihood ratio of each class in every permutation, shape (n_classes, 1 + n_shuffles).

    Parameters
    ----------
    members : int, shape (n,)
        Block of each recording: its row of ``masks``.
    icc : float64, shape (n_classes,)
        Intraclass correlation of the blocks.
    """
    order, sizes = np.argsort(members, kind="stable"), np.bincount(members)
    starts = np.cumsum(sizes) - sizes
    membership = masks.astype(np.float32)
    ratios = []
    for column, class_icc, prior in zip(probabilities.T, icc, probabilities[:n_reference].mean(axis=0), strict=True):
        if class_icc >= SINGLE_CLASS_ICC:
            block_logit = np.add.reduceat((logit(column) - logit(prior))[order], starts) + logit(prior)
            log_likelihoods = _log_likelihoods(
                TESTED_SHARES, np.clip(expit(block_logit), MIN_PROBABILITY, 1.0 - MIN_PROBABILITY), prior
            )
        else:
            weights = 1.0 / (1.0 + (sizes[members] - 1.0) * class_icc)
            log_likelihoods = np.add.reduceat(
                (_log_likelihoods(TESTED_SHARES, column, prior) * weights)[:, order], starts, axis=1
            )
        window = log_likelihoods.astype(np.float32) @ membership
        total = log_likelihoods.sum(axis=1)
        rest = total[:, None] - window
        ratios.append(2.0 * (window.max(axis=0) + rest.max(axis=0) - total.max()))
    return np.asarray(ratios, np.float64)


def _significance(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted over classes, shape (n_classes,), from observed and permuted ratios.

    Classes with few groups vary more by chance, and would hide a change in others. So every ratio is standardized by
    the permutations of its own class: as a scaled chi-square variable, transformed to a normal one.

    Source: Satterthwaite (1946), "An approximate distribution of estimates of variance components"; Wilson and Hilferty
    (1931), "The distribution of chi-square".
    """
    by_chance = np.maximum(ratios, 0.0)
    mean = np.maximum(by_chance.mean(axis=1, keepdims=True), 1e-12)
    variance = np.maximum(by_chance.var(axis=1, keepdims=True) / (9.0 * mean**2), 1e-12)
    scores = (np.cbrt(by_chance / mean) - 1.0 + variance) / np.sqrt(variance)
    return p_values(scores[:, 0], scores[:, 1:].max(axis=0))


def _most_likely_shares(probabilities: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the maximum-likelihood share of each class, shape (n_classes,)."""
    columns = zip(probabilities.T, reference.mean(axis=0), strict=True)
    return np.array(
        [SHARE_GRID[_log_likelihoods(SHARE_GRID, column, prior).sum(axis=1).argmax()] for column, prior in columns]
    )


def _log_likelihoods(
    shares: NDArray[np.float64], probabilities: NDArray[np.float64], prior: float
) -> NDArray[np.float64]:
    """Return the log likelihood of each prediction at each share, shape (n_shares, n).

    Parameters
    ----------
    shares : float64, shape (n_shares,)
    probabilities : float64, shape (n,)
        Calibrated probabilities of one class.
    prior : float
        Share of the class in training, at which they are calibrated.
    """
    inside, outside = probabilities / prior, (1.0 - probabilities) / (1.0 - prior)
    return np.asarray(np.log(np.outer(shares, inside) + np.outer(1.0 - shares, outside)))
