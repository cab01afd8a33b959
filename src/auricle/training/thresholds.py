"""Thresholds from out-of-fold predictions: a bundle's novelty, and the probability at which events of a class begin."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.novelty import LEVELS, LIMIT, N_RANKS, Novelty
from auricle.features.spec import FeatureSpec
from auricle.models.novelty import fit_prototypes

__all__ = ["DEFAULT", "FALSE_UNKNOWN", "LIMITS", "event_thresholds", "fit_novelty", "novelty_columns"]

FALSE_UNKNOWN = 0.02
"""Share of training recordings above the novelty threshold."""

DEFAULT = 0.5
"""Of two event thresholds with equal F1, the one nearer to this is taken."""

LIMITS = (0.1, 0.95)
"""A threshold outside of these follows from few windows; it would let everything or nothing begin an event."""


def novelty_columns(spec: FeatureSpec) -> NDArray[np.int64]:
    """Return the indices of a standard row's descriptors: all but the cepstrum, which varies widely within a class."""
    return np.flatnonzero([not name.startswith("mfcc") for name in spec.columns]).astype(np.int64)


def fit_novelty(
    rows: NDArray[np.float32],
    recordings: NDArray[np.float32],
    owner: NDArray[np.int64],
    blocks: NDArray[np.intp],
    *,
    columns: NDArray[np.int64],
    window_doubt: NDArray[np.float64] | None,
    recording_doubt: NDArray[np.float64] | None,
) -> tuple[Novelty, NDArray[np.float64]]:
    """Fit novelty to all recordings; return it, and the out-of-fold novelty of each recording.

    Distances are measured out of fold: those of a block of recordings to the rows of the other blocks.

    Parameters
    ----------
    rows : float32, shape (n_windows, n_standard)
        Standard rows of windows.
    recordings : float32, shape (n_recordings, n_standard)
        Standard rows of recordings.
    owner : int64, shape (n_windows,)
        Index of the recording of each window.
    blocks : intp, shape (n_recordings,)
        Block of each recording.
    columns : int64, shape (n,)
        Columns of a standard row that distances are measured along.
    window_doubt, recording_doubt : float64, shape (n_windows,) and (n_recordings,), or None
        1 minus the probability of the predicted class, out of fold; None for numbers.

    Returns
    -------
    Novelty, float64 of shape (n_recordings,)
    """
    levels = ((rows, blocks[owner]), (recordings, blocks))
    distances = [np.empty(len(level_rows)) for level_rows, _ in levels]
    for block in np.unique(blocks):
        others = _distance_model(rows[levels[0][1] != block], columns)
        for of_level, (level_rows, level_blocks) in zip(distances, levels, strict=True):
            of_level[level_blocks == block] = [others.distance(row) for row in level_rows[level_blocks == block]]
    doubts = (window_doubt, recording_doubt)
    novelty = replace(
        _distance_model(rows, columns),
        doubts=np.stack([_percentiles(np.zeros(1) if doubt is None else doubt) for doubt in doubts]),
        distances=np.stack([_percentiles(distance) for distance in distances]),
    )
    scores = [
        [
            novelty.score(level, doubt=None if doubt is None else float(doubt[i]), distance=float(far))
            for i, far in enumerate(distance)
        ]
        for level, doubt, distance in zip(LEVELS, doubts, distances, strict=True)
    ]
    thresholds = np.array([np.quantile(score, 1.0 - FALSE_UNKNOWN) for score in scores])
    return replace(novelty, thresholds=thresholds), np.array(scores[LEVELS.index("recording")])


def _percentiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.quantile(values, np.linspace(0.0, 1.0, N_RANKS)))


def _distance_model(rows: NDArray[np.float32], columns: NDArray[np.int64]) -> Novelty:
    """Return a novelty that measures distance and has no ranks yet."""
    fitted, empty = fit_prototypes(rows[:, columns], limit=float(LIMIT)), np.zeros((2, N_RANKS))
    return Novelty(
        columns,
        fitted.mean,
        fitted.inverse_deviation,
        fitted.prototypes,
        doubts=empty,
        distances=empty,
        thresholds=np.zeros(2),
    )


def event_thresholds(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> tuple[float, ...]:
    """Return for each class the threshold with the best F1 score, one class against all others, over windows.

    Parameters
    ----------
    probabilities : float64, shape (n_windows, n_classes)
        Calibrated for windows, out of fold.
    truth : intp, shape (n_windows,)
        True class of each window.

    Returns
    -------
    tuple of float
        Within ``LIMITS``; each lies half way between the two windows that it separates.
    """
    return tuple(_best_threshold(probabilities[:, k], truth == k) for k in range(probabilities.shape[1]))


def _best_threshold(probabilities: NDArray[np.float64], is_of_class: NDArray[np.bool_]) -> float:
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    hits = np.cumsum(is_of_class[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + is_of_class.sum())
    between = np.append(ranked[:-1] > ranked[1:], True)
    best = np.flatnonzero(between & (f1 >= f1[between].max() - 1e-12))
    middles = (ranked[best] + np.append(ranked, 0.0)[best + 1]) / 2
    return float(np.clip(middles[np.abs(middles - DEFAULT).argmin()], *LIMITS))
