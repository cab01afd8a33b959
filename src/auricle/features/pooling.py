"""Pooling: the frames of a window become one row of statistics."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.features.analysis import Plan
from auricle.features.modulation import modulation_depth
from auricle.features.spec import FeatureSpec
from auricle.kernels.statistics import SUMMARY_STATISTICS, order_statistics, summarise

__all__ = ["Pooling", "part_of", "pool", "trim_silence"]

Values = NDArray[np.float32]

RISE = "rise"

_MANY = 256  # frames: fewer are sorted more quickly than counted


class Pooling:
    """Makes one spec's row of the values of a window's frames.

    Parameters
    ----------
    spec : which statistics, of which groups of values
    plan : what the values were computed by, for this spec and perhaps for others
    """

    def __init__(self, spec: FeatureSpec, plan: Plan) -> None:
        self._spec = spec
        self._places = plan.places(spec)
        self._energy = plan.first_row.get("energy", -1)
        self._mel = plan.first_row.get("mel", -1)

    def frames(self, values: Values, n_frames: int) -> slice:
        """Return which of the first ``n_frames`` columns of values count, shape (n_values, width)."""
        if self._spec.trim_db is None:
            return slice(0, n_frames)
        return trim_silence(values[self._energy, :n_frames], self._spec.trim_db)

    def row(self, values: Values, frames: slice) -> Values:
        """Return the row, float32, shape (d,), of some columns of values, shape (n_values, width)."""
        row = pool(values[self._places], frames, self._spec)
        if "modulation" not in self._spec.features:
            return row
        levels_db = values[self._mel : self._mel + self._spec.n_mels]
        return np.concatenate([row, modulation_depth(levels_db, frames, self._spec).ravel()])


def pool(values: Values, frames: slice, spec: FeatureSpec) -> Values:
    """Return the statistics of some frames, over all of them and over each part of them: float32, shape (d,).

    Parameters
    ----------
    values : float32, shape (n_values, width)
    frames : the columns that count
    """
    n_values, n_parts = len(values), spec.parts if spec.parts > 1 else 0
    sizes = [n_values * len(statistics) for statistics in (spec.statistics, spec.part_statistics)]
    row = np.empty(sizes[0] + n_parts * sizes[1], np.float32)
    whole, of_parts = row[: sizes[0]], row[sizes[0] :].reshape(n_parts, sizes[1])
    _stretch(values, frames, spec.statistics, spec, whole)
    for part, found in enumerate(of_parts):
        _stretch(values, part_of(frames, n_parts, part), spec.part_statistics, spec, found)
    if n_parts and RISE in spec.part_statistics:
        rises = of_parts.reshape(n_parts, -1, n_values)[:, spec.part_statistics.index(RISE)]
        rises -= _means(values, frames, spec, whole)
    return row


def _means(values: Values, frames: slice, spec: FeatureSpec, whole: Values) -> Values:
    """Return the mean of all frames, shape (n_values,), which may be among the statistics of the whole already."""
    if "mean" in spec.statistics:
        found: Values = whole.reshape(-1, len(values))[spec.statistics.index("mean")]
        return found
    found = np.empty(len(values), np.float32)
    summarise(values, frames.start, frames.stop, spec.hop / spec.rate_hz, _codes(("mean",)), found)
    return found


def _stretch(values: Values, frames: slice, statistics: tuple[str, ...], spec: FeatureSpec, row: Values) -> None:
    summarise(values, frames.start, frames.stop, spec.hop / spec.rate_hz, _codes(statistics), row)
    asked = _neighbours(statistics, frames.stop - frames.start)
    if asked.places.size:
        row.reshape(len(statistics), len(values))[asked.places] = _percentiles(values, frames, asked)


@lru_cache(maxsize=64)
def _codes(statistics: tuple[str, ...]) -> NDArray[np.int64]:
    names = ["mean" if name == RISE else name for name in statistics]  # the window's mean is subtracted afterwards
    return np.array([SUMMARY_STATISTICS.index(name) if name in SUMMARY_STATISTICS else -1 for name in names], np.int64)


class _Neighbours(NamedTuple):
    """Between which frames, of those in order of size, percentiles lie."""

    places: NDArray[np.int64]
    """Of the percentiles among the statistics."""
    ranks: NDArray[np.int64]
    """Ascending, each once."""
    low: NDArray[np.int64]
    """Index of the rank below each percentile."""
    high: NDArray[np.int64]
    """Of that above it."""
    fraction: Values
    """How far each lies from the one below to the one above, shape (n, 1)."""


@lru_cache(maxsize=1024)
def _neighbours(statistics: tuple[str, ...], n_frames: int) -> _Neighbours:
    """Return where the percentiles among some statistics lie, between neighbours as NumPy's default does."""
    places = np.flatnonzero(_codes(statistics) < 0)
    positions = np.array([float(statistics[place][1:]) for place in places]) / 100 * (n_frames - 1)
    below = positions.astype(np.int64)
    ranks, (low, high) = np.unique([below, np.minimum(below + 1, n_frames - 1)], return_inverse=True)
    return _Neighbours(
        places=places, ranks=ranks, low=low, high=high, fraction=(positions - below).astype(np.float32)[:, np.newaxis]
    )


def _percentiles(values: Values, frames: slice, asked: _Neighbours) -> Values:
    """Return percentiles of each row, shape (n, n_values)."""
    if frames.stop - frames.start < _MANY:
        found = np.sort(values[:, frames], axis=1)[:, asked.ranks].T
    else:
        found = np.empty((len(asked.ranks), len(values)), np.float32)
        order_statistics(values, frames.start, frames.stop, asked.ranks, found)
    low, high = found[asked.low], found[asked.high]
    between: Values = low + asked.fraction * (high - low)
    return between


def part_of(frames: slice, parts: int, part: int) -> slice:
    """Return one of ``parts`` equal parts of some frames; never empty, so parts share frames where those are few."""
    n_frames = frames.stop - frames.start
    start = min(part * n_frames // parts, n_frames - 1)
    stop = max(start + 1, (part + 1) * n_frames // parts)
    return slice(frames.start + start, frames.start + stop)


def trim_silence(energy: Values, trim_db: float) -> slice:
    """Return the frames from the first to the last whose energy is within ``trim_db`` of the largest."""
    loud = np.flatnonzero(energy >= energy.max() * 10 ** (-trim_db / 10))
    return slice(int(loud[0]), int(loud[-1]) + 1)
