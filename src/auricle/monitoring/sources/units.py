"""Independent units of a window: recordings, or blocks of recordings that follow each other, within each source.

Two questions are kept apart. *Has what these sources send changed?* Its units are stretches of time: recordings that
follow each other resemble each other, and a block of them is worth about one. *Does that hold for other sources?* Its
units are the sources, and only who sends them can tell them apart.

A window orders its recordings by time; recordings without times, by their place in the listing. The length of a block
follows from the autocorrelation of the window's own measures: it doubles until neighbouring blocks are uncorrelated.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from auricle.monitoring.sources.sample import Sample

__all__ = ["Units", "independent_units", "knows_sources", "time_blocks"]

MIN_BLOCKS: Final = 16
"""Fewest blocks that a longer block may leave: with fewer, no test could find anything."""

MIN_MINUTES: Final = 20
"""Fewest blocks of a minute; a shorter window was sent in a burst, and its clock says nothing of when it was made."""

CRITICAL: Final = 3.0
"""Standard deviations of a correlation that counts, of the most correlated of some twenty columns."""

MIN_SIDE: Final = 10
"""Fewest recordings before and after a step that is no autocorrelation."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Independent units of a window of n recordings.

    Parameters
    ----------
    labels : str, shape (n,)
        Unit of each recording.
    n : int
        Number of units.
    recordings_per_unit : int
        1 where each recording is a unit of its own.
    duration_s : float or None
        Median time from a unit's first recording to the next unit's; None for single recordings, or without times.
    n_sources : int or None
        Number of sources that the groups tell apart; None where nobody told.
    """

    labels: NDArray[np.str_]
    n: int
    recordings_per_unit: int
    duration_s: float | None
    n_sources: int | None


def knows_sources(sample: Sample) -> bool:
    """Return whether groups tell sources apart: neither each recording alone, nor none told."""
    return bool(sample.is_grouped and (sample.groups != "").any())


def independent_units(window: Sample) -> Units:
    """Return the independent units of a window.

    Parameters
    ----------
    window : Sample
        Its groups are its sources; where none is told, all its recordings are taken as one series.

    Source: Künsch (1989), "The jackknife and the bootstrap for general stationary observations", blocks of a series.
    """
    n = len(window)
    told = knows_sources(window)
    _, sources = np.unique(window.groups if told else np.zeros(n, np.intp), return_inverse=True)
    order = np.lexsort((np.arange(n), window.times, sources))  # NaT sorts last
    residuals = np.empty((n, 0))
    if n:
        residuals = _residuals(window, order, sources[order])
    start = _per_minute(window.times, n) if not told else 1
    blocks, size = time_blocks(residuals, sources[order], start=start)
    labels = np.empty(n, np.intp)
    labels[order] = blocks
    return Units(
        labels=labels.astype(np.str_),
        n=int(labels.max()) + 1 if n else 0,
        recordings_per_unit=size,
        duration_s=_duration_s(window.times[order], blocks) if size > 1 else None,
        n_sources=int(sources.max()) + 1 if told else None,
    )


def time_blocks(
    values: NDArray[np.float64],
    source: NDArray[np.intp],
    *,
    start: int = 1,
    least: int = MIN_BLOCKS,
    critical: float = CRITICAL,
) -> tuple[NDArray[np.intp], int]:
    """Cut series into blocks of equal length, whose neighbours are not correlated.

    Parameters
    ----------
    values : float64, shape (n, k)
        Measures with mean 0, in the order of time within each source.
    source : intp, shape (n,)
        Source of each, in runs.
    start : int
        Shortest length.
    least : int
        Fewest blocks that a longer block may leave.
    critical : float
        Standard deviations of a correlation that counts.

    Returns
    -------
    intp, shape (n,)
        Block of each, counted from 0.
    int
        Values of a block; the last one of a source may have fewer.
    """
    n = len(values)
    starts = np.flatnonzero(np.r_[True, source[1:] != source[:-1]]) if n else np.zeros(0, np.intp)
    place = np.arange(n) - np.repeat(starts, np.diff(np.r_[starts, n]))
    size = start
    while _n_blocks(source, place, 2 * size) >= least and _is_correlated(values, source, place, size, critical):
        size *= 2
    if size > start and _n_blocks(source, place, 2 * size) >= least:
        size *= 2  # what is no longer seen between blocks is not gone yet
    _, blocks = np.unique(np.stack([source, place // size]), axis=1, return_inverse=True)
    return np.asarray(blocks.ravel(), np.intp), size


def _residuals(window: Sample, order: NDArray[np.intp], source: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return ranks of the measures without what is no autocorrelation: class, source and one step; shape (n, k).

    Recordings are often sorted by class, and a fault that begins within the window is one step.
    """
    prediction = window.confidence if window.classes else window.outputs[:, 0]
    table = np.column_stack([window.quality, window.novelty, prediction])[order]
    table = table[:, np.ptp(table, axis=0) > 0] if len(table) else table
    if not table.size:
        return np.zeros((len(table), 0))
    ranks = np.asarray(rankdata(table, axis=0), np.float64)
    predicted = window.predicted[order] if window.classes else np.zeros(len(table), np.intp)
    for members in (source, predicted):
        counts = np.maximum(np.bincount(members), 1)
        means = np.stack([np.bincount(members, column) for column in ranks.T], axis=1) / counts[:, None]
        ranks = ranks - means[members]
    return ranks - _steps(ranks)


def _steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column's best fit of two levels, one after the other, shape (n, k)."""
    n = len(values)
    if n < 2 * MIN_SIDE:
        return np.zeros_like(values)
    splits = np.arange(MIN_SIDE, n - MIN_SIDE + 1)
    sums = np.cumsum(values - values.mean(axis=0), axis=0)[splits - 1]
    best = splits[(sums**2 / (splits * (n - splits))[:, None]).argmax(axis=0)]
    before = np.arange(n)[:, None] < best
    low = (values * before).sum(axis=0) / best
    high = (values * ~before).sum(axis=0) / (n - best)
    return np.asarray(np.where(before, low, high), np.float64)


def _per_minute(times: NDArray[np.datetime64], n: int) -> int:
    """Return the median number of recordings in a minute that has any; 1 for a burst, or without times."""
    known = times[~np.isnat(times)]
    if len(known) < n or not n:
        return 1
    _, counts = np.unique(known.astype("M8[m]"), return_counts=True)
    size = int(np.median(counts))
    return size if n >= MIN_MINUTES * size else 1


def _n_blocks(source: NDArray[np.intp], place: NDArray[np.intp], size: int) -> int:
    return int(np.unique(np.stack([source, place // size]), axis=1).shape[1]) if len(source) else 0


def _is_correlated(
    residuals: NDArray[np.float64], source: NDArray[np.intp], place: NDArray[np.intp], size: int, critical: float
) -> bool:
    """Return whether the means of neighbouring blocks of one source are correlated in any column."""
    keys, blocks, counts = np.unique(np.stack([source, place // size]), axis=1, return_inverse=True, return_counts=True)
    next_is_near = keys[0, 1:] == keys[0, :-1]
    n_pairs = int(next_is_near.sum())
    if n_pairs < MIN_BLOCKS // 2 or not residuals.shape[1]:
        return False
    sums = np.stack([np.bincount(blocks.ravel(), column) for column in residuals.T], axis=1)
    means = sums / counts[:, None]
    products = (means[1:] * means[:-1])[next_is_near].mean(axis=0)
    powers = np.maximum((means**2).mean(axis=0), 1e-12)
    return bool((products / powers).max() * np.sqrt(n_pairs) > critical)


def _duration_s(times: NDArray[np.datetime64], blocks: NDArray[np.intp]) -> float | None:
    firsts = times[np.unique(blocks, return_index=True)[1]]
    gaps = np.diff(np.sort(firsts[~np.isnat(firsts)]))
    return float(np.median(gaps) / np.timedelta64(1, "s")) if gaps.size else None
