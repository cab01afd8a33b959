"""Where events begin: one threshold a class, chosen on windows that the model had not heard."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEFAULT", "LIMITS", "event_thresholds"]

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
