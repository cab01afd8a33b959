"""Training recordings that are alike to labelled ones: what errors to expect where labels were given.

Users mostly label doubtful recordings, on which a model errs more, though nothing changed. So labelled recordings are
compared with training recordings of similar confidence; predictions of numbers have none, and are compared with those
of similar novelty and predicted value. Out-of-fold errors of these are what chance gives.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from auricle.monitoring.sources.sample import Sample

__all__ = ["drawn_losses", "expected_losses", "matched_sample"]

MIN_SIMILAR, MAX_SIMILAR, SIMILAR_SHARE = 10, 50, 0.05
"""Training recordings that a labelled one is compared with: a twentieth of all, within bounds."""
PSEUDO_COUNT: Final = 1.0
"""Right and wrong predictions that are added to those of similar recordings (Laplace's prior): among ten of them none
may be wrong, though the next one is. With half of each (Jeffreys), 7 wrong of 20 beside 0 of 19 alarmed at 0.001;
Fisher's exact test gives 0.005."""
MIN_DRAWN: Final = 1000
"""Fewest training recordings of a matched sample, drawn with replacement."""
CHUNK: Final = 1 << 22


def similar(reference: Sample, sample: Sample, *, n_most: int = MAX_SIMILAR) -> NDArray[np.intp]:
    """Return the indices of the training recordings most similar to each recording, shape (n, k), k ≤ n_most."""
    k = min(int(np.clip(SIMILAR_SHARE * len(reference), MIN_SIMILAR, n_most)), len(reference))
    if reference.classes:
        order = np.argsort(reference.confidence, kind="stable")
        at = np.searchsorted(reference.confidence[order], sample.confidence)
        first = np.clip(at - k // 2, 0, len(order) - k)
        return np.asarray(order[first[:, None] + np.arange(k)])
    signals = [(one.novelty, one.outputs[:, 0]) for one in (reference, sample)]
    known, new = (
        np.column_stack([_rank(base, values) for base, values in zip(signals[0], side, strict=True)])
        for side in signals
    )
    return np.asarray(cKDTree(known).query(new, k)[1]).reshape(len(sample), k)


def expected_losses(reference: Sample, sample: Sample) -> NDArray[np.float64]:
    """Return the mean loss of the training recordings similar to each recording, shape (n,)."""
    return np.asarray(reference.losses[similar(reference, sample)].mean(axis=1))


def drawn_losses(reference: Sample, sample: Sample, n_draws: int, seed: int) -> NDArray[np.float64]:
    """Draw the losses that chance would give recordings, each from a similar training recording.

    Groups of the training data get random weights in each draw, so that its own uncertainty is in the draws.

    Returns
    -------
    float64, shape (n_draws, n)
    """
    rng, near = np.random.default_rng(seed), similar(reference, sample)
    n, k = near.shape
    losses = reference.losses[near]
    _, members = np.unique(reference.groups, return_inverse=True)
    n_groups, drawn = int(members.max()) + 1, []
    # Labels of about one confidence share what is not known of it: a prior weight for each stretch of k recordings.
    stretch = np.searchsorted(np.sort(reference.confidence), sample.confidence) // k if reference.classes else None
    if stretch is not None:
        losses = np.hstack([losses, np.broadcast_to([0.0, 1.0], (n, 2))])
    for count in _chunks(n_draws, near.size):
        weights = rng.exponential(1.0, (count, n_groups))[:, members[near]]
        if stretch is not None:
            prior = rng.gamma(PSEUDO_COUNT, size=(count, len(reference) // k + 1, 2))
            weights = np.concatenate([weights, prior[:, stretch]], axis=2)
        bounds = np.cumsum(weights, axis=2)
        picked = (bounds < rng.random((count, n, 1)) * bounds[:, :, -1:]).sum(axis=2)
        drawn.append(losses[np.arange(n), picked])
    return np.concatenate(drawn)


def matched_sample(reference: Sample, labelled: Sample, seed: int) -> Sample:
    """Return training recordings like the labelled ones, drawn with replacement, at least ``MIN_DRAWN``."""
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(np.resize(np.arange(len(labelled)), max(MIN_DRAWN, len(labelled))))
    near = similar(reference, labelled, n_most=MIN_SIMILAR)[drawn]
    return reference.subset(near[np.arange(len(near)), rng.integers(0, near.shape[1], len(near))])


def _rank(base: NDArray[np.floating], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return each value's share of smaller values in the training data, so that units do not matter."""
    ordered = np.sort(base)
    below, above = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.asarray((below + above) / (2.0 * len(ordered)))


def _chunks(n_draws: int, size: int) -> Iterator[int]:
    step = max(1, CHUNK // max(1, size))
    for begin in range(0, n_draws, step):
        yield min(step, n_draws - begin)
