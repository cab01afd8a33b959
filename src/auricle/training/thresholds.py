"""From out-of-fold answers to the bundle's novelty: what is usual, and from where on a sound is unknown."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.novelty import LEVELS, LIMIT, N_RANKS, Novelty
from auricle.features.spec import FeatureSpec
from auricle.models.novelty import fit_prototypes

__all__ = ["DEFAULT", "FALSE_UNKNOWN", "LIMITS", "event_thresholds", "fit_novelty", "novelty_columns"]


FALSE_UNKNOWN = 0.02
"""Part of recordings like those of training that the threshold calls unknown."""


def novelty_columns(spec: FeatureSpec) -> NDArray[np.int64]:
    """Return the places of a standard row's descriptors: all but the cepstrum, which varies as much within a kind."""
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
    """Fit novelty for the model that is trained on all recordings; return it, and the novelty of each of them.

    Distances are measured out of fold: each block of recordings from the rows of the others.

    Parameters
    ----------
    rows, recordings : standard rows of all windows, shape (n_windows, n_standard), and recordings, (n, n_standard)
    owner : recording of each window, shape (n_windows,)
    blocks : block of each recording, shape (n,)
    columns : places in a standard row that distance is measured along
    window_doubt, recording_doubt : one less the probability of the class answered, out of fold; None for numbers

    Returns
    -------
    the novelty, and that of each recording among the others, out of fold, shape (n,)
    """
    asked, whose = (rows, recordings), (blocks[owner], blocks)
    distances = [np.empty(len(part)) for part in asked]
    for block in np.unique(blocks):
        others = _novelty(rows[whose[0] != block], columns)
        for away, part, of in zip(distances, asked, whose, strict=True):
            away[of == block] = [others.distance(row) for row in part[of == block]]
    doubts = (window_doubt, recording_doubt)
    novelty = replace(
        _novelty(rows, columns),
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


def _novelty(rows: NDArray[np.float32], columns: NDArray[np.int64]) -> Novelty:
    """Return a novelty that measures distance and has no ranks yet."""
    place, nothing = fit_prototypes(rows[:, columns], limit=float(LIMIT)), np.zeros((2, N_RANKS))
    return Novelty(
        columns,
        place.mean,
        place.inverse_deviation,
        place.prototypes,
        doubts=nothing,
        distances=nothing,
        thresholds=np.zeros(2),
    )


DEFAULT = 0.5
"""Where nothing tells two thresholds apart, the one nearer to this is taken."""

LIMITS = (0.1, 0.95)
"""A threshold outside of these follows from few windows, and would let everything or nothing begin an event."""


def event_thresholds(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> tuple[float, ...]:
    """Choose for each class the threshold with the best F1 score, one class against all others, over windows.

    Parameters
    ----------
    probabilities : calibrated for windows, out of fold, shape (n_windows, n_classes)
    truth : class of each window, shape (n_windows,)

    Returns
    -------
    one threshold a class, within ``LIMITS``: half way between the windows that it parts
    """
    return tuple(_best(probabilities[:, k], truth == k) for k in range(probabilities.shape[1]))


def _best(probabilities: NDArray[np.float64], is_of_class: NDArray[np.bool_]) -> float:
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    hits = np.cumsum(is_of_class[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + is_of_class.sum())
    between = np.append(ranked[:-1] > ranked[1:], True)
    best = np.flatnonzero(between & (f1 >= f1[between].max() - 1e-12))
    middles = (ranked[best] + np.append(ranked, 0.0)[best + 1]) / 2
    return float(np.clip(middles[np.abs(middles - DEFAULT).argmin()], *LIMITS))
