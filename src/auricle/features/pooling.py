"""Pooling over time: from the frame values of a window to one row of statistics, of the whole and of its parts."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.features.analysis import Plan
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import modulation_depth
from auricle.kernels.statistics import SUMMARY_STATISTICS, order_statistics, summarise

__all__ = ["Pooling", "part_of", "pool", "trim_silence"]

Values = NDArray[np.float32]

RISE = "rise"

_MIN_SELECTION_FRAMES = 256  # frames; a sort is faster for fewer


class Pooling:
    """Pools the frame values of a window into the row of one spec.

    Parameters
    ----------
    spec : FeatureSpec
        The groups and the statistics.
    plan : Plan
        The plan of the frame values, of this spec and possibly of others.
    """

    def __init__(self, spec: FeatureSpec, plan: Plan) -> None:
        self._spec = spec
        self._rows = plan.row_indices(spec)
        self._energy = plan.first_row.get("energy", -1)
        self._mel = plan.first_row.get("mel", -1)

    def frames(self, values: Values, n_frames: int) -> slice:
        """Return the frames to pool, among the first ``n_frames`` columns of values, shape (n_values, width)."""
        if self._spec.trim_db is None:
            return slice(0, n_frames)
        return trim_silence(values[self._energy, :n_frames], self._spec.trim_db)

    def row(self, values: Values, frames: slice) -> Values:
        """Pool a range of columns of values, shape (n_values, width), into a row: float32, shape (d,)."""
        row = pool(values[self._rows], frames, self._spec)
        if "modulation" not in self._spec.features:
            return row
        levels_db = values[self._mel : self._mel + self._spec.n_mels]
        return np.concatenate([row, modulation_depth(levels_db, frames, self._spec).ravel()])


def pool(values: Values, frames: slice, spec: FeatureSpec) -> Values:
    """Return the statistics of a range of frames, over all of them and over each part: float32, shape (d,).

    Parameters
    ----------
    values : float32, shape (n_values, width)
    frames : slice
        The columns to pool.
    """
    n_values, n_parts = len(values), spec.parts if spec.parts > 1 else 0
    sizes = [n_values * len(statistics) for statistics in (spec.statistics, spec.part_statistics)]
    row = np.empty(sizes[0] + n_parts * sizes[1], np.float32)
    whole, of_parts = row[: sizes[0]], row[sizes[0] :].reshape(n_parts, sizes[1])
    _summarise(values, frames, spec.statistics, spec, whole)
    for part, found in enumerate(of_parts):
        _summarise(values, part_of(frames, n_parts, part), spec.part_statistics, spec, found)
    if n_parts and RISE in spec.part_statistics:
        rises = of_parts.reshape(n_parts, -1, n_values)[:, spec.part_statistics.index(RISE)]
        rises -= _means(values, frames, spec, whole)
    return row


def _means(values: Values, frames: slice, spec: FeatureSpec, whole: Values) -> Values:
    """Return the mean of all frames, shape (n_values,), from the statistics of the whole if they hold it."""
    if "mean" in spec.statistics:
        found: Values = whole.reshape(-1, len(values))[spec.statistics.index("mean")]
        return found
    found = np.empty(len(values), np.float32)
    summarise(values, frames.start, frames.stop, spec.hop / spec.rate_hz, _codes(("mean",)), found)
    return found


def _summarise(values: Values, frames: slice, statistics: tuple[str, ...], spec: FeatureSpec, row: Values) -> None:
    summarise(values, frames.start, frames.stop, spec.hop / spec.rate_hz, _codes(statistics), row)
    percentiles = _neighbours(statistics, frames.stop - frames.start)
    if percentiles.indices.size:
        row.reshape(len(statistics), len(values))[percentiles.indices] = _percentiles(values, frames, percentiles)


@lru_cache(maxsize=64)
def _codes(statistics: tuple[str, ...]) -> NDArray[np.int64]:
    names = ["mean" if name == RISE else name for name in statistics]  # the window's mean is subtracted afterwards
    return np.array([SUMMARY_STATISTICS.index(name) if name in SUMMARY_STATISTICS else -1 for name in names], np.int64)


class _Neighbours(NamedTuple):
    """The ranks between which percentiles lie."""

    indices: NDArray[np.int64]
    """Indices of the percentiles among the statistics."""
    ranks: NDArray[np.int64]
    """Unique ranks, ascending."""
    low: NDArray[np.int64]
    """Index of the rank below each percentile."""
    high: NDArray[np.int64]
    """Index of the rank above each percentile."""
    fraction: Values
    """Position of each between the two, shape (n, 1)."""


@lru_cache(maxsize=1024)
def _neighbours(statistics: tuple[str, ...], n_frames: int) -> _Neighbours:
    """Return the ranks around each percentile, for linear interpolation as NumPy's default."""
    indices = np.flatnonzero(_codes(statistics) < 0)
    positions = np.array([float(statistics[place][1:]) for place in indices]) / 100 * (n_frames - 1)
    below = positions.astype(np.int64)
    ranks, (low, high) = np.unique([below, np.minimum(below + 1, n_frames - 1)], return_inverse=True)
    return _Neighbours(
        indices=indices, ranks=ranks, low=low, high=high, fraction=(positions - below).astype(np.float32)[:, np.newaxis]
    )


def _percentiles(values: Values, frames: slice, percentiles: _Neighbours) -> Values:
    """Return percentiles of each row, shape (n, n_values)."""
    if frames.stop - frames.start < _MIN_SELECTION_FRAMES:
        found = np.sort(values[:, frames], axis=1)[:, percentiles.ranks].T
    else:
        found = np.empty((len(percentiles.ranks), len(values)), np.float32)
        order_statistics(values, frames.start, frames.stop, percentiles.ranks, found)
    low, high = found[percentiles.low], found[percentiles.high]
    between: Values = low + percentiles.fraction * (high - low)
    return between


def part_of(frames: slice, parts: int, part: int) -> slice:
    """Return one of ``parts`` equal parts of a range of frames; never empty, so that parts of few frames overlap."""
    n_frames = frames.stop - frames.start
    start = min(part * n_frames // parts, n_frames - 1)
    stop = max(start + 1, (part + 1) * n_frames // parts)
    return slice(frames.start + start, frames.start + stop)


def trim_silence(energy: Values, trim_db: float) -> slice:
    """Return the frames from the first to the last whose energy is within ``trim_db`` of the largest."""
    loud = np.flatnonzero(energy >= energy.max() * 10 ** (-trim_db / 10))
    return slice(int(loud[0]), int(loud[-1]) + 1)
