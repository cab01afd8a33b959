"""Whether a change goes beyond what the sources of the training data differ among each other.

What one source sends differs from what others send: a quieter room, a noisier machine. A window from a single source,
or from sources that nobody told apart, can differ from the training data for this reason alone. It cannot be the reason
where no source of the training data differs as far from the others.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auricle.monitoring.diagnosis.causes import Cause
from auricle.monitoring.drift.novelty_rate import MIN_RISE
from auricle.monitoring.sources.sample import Sample

__all__ = ["exceeds_source_variation"]

MIN_IN_SOURCE: Final = 5
"""Fewest recordings of a source that its median is read from, if any source has as many."""

MARGIN: Final = 1.5
"""Ratio to the largest deviation of a training source from which on a shift exceeds it. Of normal sources, a seventh
lies beyond the largest deviation of six in 30% of simulated cases, and beyond 1.5 times it in 15%."""


def exceeds_source_variation(cause: Cause, reference: Sample, window: Sample) -> bool:
    """Return whether a cause shifts its measure further than any source of the training data does.

    For a new kind of sound, the measure is the share of recordings out of distribution. Class shares and shifts that no
    fault explains differ between sources without a bound, and never exceed it.

    Parameters
    ----------
    cause : Cause
    reference, window : Sample
        The reference's groups are its sources.
    """
    if cause.kind == "new_class":
        shares = _by_source(reference, reference.unknown.astype(np.float64), np.mean)
        return float(window.unknown.mean() - shares.max()) >= MIN_RISE
    if not cause.measure or not cause.shift:
        return False
    values = reference.measure(cause.measure).astype(np.float64)
    deviations = np.sign(cause.shift) * (_by_source(reference, values, np.median) - np.median(values))
    return abs(cause.shift) > MARGIN * float(deviations.max(initial=0.0))


def _by_source(
    reference: Sample, values: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], Any]
) -> NDArray[np.float64]:
    """Return a statistic of each source that is large enough, shape (n_sources,)."""
    _, members, counts = np.unique(reference.groups, return_inverse=True, return_counts=True)
    smallest = min(MIN_IN_SOURCE, int(counts.max()))
    return np.array([statistic(values[members == index]) for index in np.flatnonzero(counts >= smallest)])
