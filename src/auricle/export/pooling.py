"""Pooling: statistics of the frames of a window and of its parts, the table of statistics as ONNX nodes."""

from collections.abc import Callable, Iterator
from functools import cached_property, partial

import numpy as np

from auricle.errors import ExportError
from auricle.export.draft import Draft, Value
from auricle.features.spec import FeatureSpec

__all__ = ["POOLS", "Stretch", "pool", "trim_silence"]

ONE = np.array([1])


class Stretch:
    """Some neighbouring frames; each value is written when it is first asked for, and once.

    Parameters
    ----------
    values : float32, shape (n_frames, n_values), n_frames ≥ 1
    frame_s : seconds from one frame to the next
    whole : the stretch that this is a part of
    """

    def __init__(self, draft: Draft, values: Value, frame_s: float, whole: "Stretch | None" = None) -> None:
        self.draft, self.values, self.frame_s, self.whole = draft, values, frame_s, whole

    @cached_property
    def last(self) -> Value:
        """Index of the last frame: int64, shape (1,)."""
        return self.draft.node("Sub", self.draft.length(self.values, 0), ONE)

    @cached_property
    def mean(self) -> Value:
        """Mean of each value, shape (n_values,)."""
        return self.draft.node("ReduceMean", self.values, np.array([0]), keepdims=0)

    @cached_property
    def deviation(self) -> Value:
        """Distance of each frame's values from their mean, shape (n_frames, n_values)."""
        return self.draft.node("Sub", self.values, self.mean)

    @cached_property
    def ranked(self) -> Value:
        """Every value's frames in rising order, shape (n_frames, n_values)."""
        n_frames = self.draft.length(self.values, 0)
        return self.draft.split("TopK", self.values, n_frames, n=2, axis=0, largest=0)[0]


def _std(stretch: Stretch) -> Value:
    draft = stretch.draft
    squares = draft.node("Mul", stretch.deviation, stretch.deviation)
    return draft.node("Sqrt", draft.node("ReduceMean", squares, np.array([0]), keepdims=0))


def _extreme(stretch: Stretch, *, operator: str) -> Value:
    return stretch.draft.node(operator, stretch.values, np.array([0]), keepdims=0)


def _percentile(stretch: Stretch, *, percent: float) -> Value:
    """Write a percentile, between neighbours as NumPy's default does."""
    draft = stretch.draft
    position = draft.node("Mul", draft.cast(stretch.last, np.float64), np.float64(percent / 100))
    below = draft.cast(position, np.int64)
    above = draft.node("Min", draft.node("Add", below, ONE), stretch.last)
    between = draft.cast(draft.node("Sub", position, draft.cast(below, np.float64)), np.float32)
    low, high = (draft.node("Gather", stretch.ranked, place, axis=0) for place in (below, above))
    value = draft.node("Add", low, draft.node("Mul", between, draft.node("Sub", high, low)))
    return draft.node("Squeeze", value, np.array([0]))


def _slope(stretch: Stretch) -> Value:
    """Write the slope of the least-squares line, a second; 0 for a single frame, whose deviation is 0."""
    draft = stretch.draft
    centre = draft.node("Mul", draft.cast(stretch.last, np.float32), np.float32(0.5))
    index = draft.cast(draft.range(draft.node("Add", stretch.last, ONE)), np.float32)
    time = draft.node("Sub", index, centre)
    product = draft.node("MatMul", time, stretch.deviation)
    square = draft.node("Max", draft.node("ReduceSumSquare", time, np.array([0])), np.float32(0.5))
    return draft.node("Div", product, draft.node("Mul", square, np.float32(stretch.frame_s)))


def _rise(stretch: Stretch) -> Value:
    whole = stretch.whole or stretch
    return stretch.draft.node("Sub", stretch.mean, whole.mean)


POOLS: dict[str, Callable[[Stretch], Value]] = {
    "mean": lambda stretch: stretch.mean,
    "std": _std,
    "min": partial(_extreme, operator="ReduceMin"),
    "max": partial(_extreme, operator="ReduceMax"),
    "p05": partial(_percentile, percent=5),
    "p25": partial(_percentile, percent=25),
    "p50": partial(_percentile, percent=50),
    "p75": partial(_percentile, percent=75),
    "p95": partial(_percentile, percent=95),
    "slope": _slope,
    "rise": _rise,
}
"""How each statistic is written: float32, shape (n_values,)."""


def pool(draft: Draft, values: Value, spec: FeatureSpec) -> list[Value]:
    """Write the statistics of frames, shape (n_frames, n), and of each part of them; each float32, shape (n,).

    Raises
    ------
    ExportError : a statistic that has no export
    """
    written: list[Value] = []
    whole = None
    for frames, statistics in _stretches(draft, values, spec):
        stretch = Stretch(draft, frames, spec.hop / spec.rate_hz, whole)
        whole = whole or stretch
        for statistic in statistics:
            if statistic not in POOLS:
                raise ExportError(f"Every statistic must be among {', '.join(POOLS)} to be exported. Got {statistic}.")
            written.append(POOLS[statistic](stretch))
    return written


def _stretches(draft: Draft, values: Value, spec: FeatureSpec) -> Iterator[tuple[Value, tuple[str, ...]]]:
    yield values, spec.statistics
    if spec.parts == 1:
        return
    n_frames = draft.length(values, 0)
    for part in range(spec.parts):
        # As `auricle.features.pooling.part_of` divides them: never empty.
        start, stop = (
            draft.node("Div", draft.node("Mul", n_frames, np.array([i])), np.array([spec.parts]))
            for i in (part, part + 1)
        )
        start = draft.node("Min", start, draft.node("Sub", n_frames, ONE))
        stop = draft.node("Max", stop, draft.node("Add", start, ONE))
        yield draft.slice(values, start, stop), spec.part_statistics


def trim_silence(draft: Draft, energy: Value, trim_db: float) -> tuple[Value, Value]:
    """Write where the frames begin and end whose energy, shape (n_frames, 1), is within ``trim_db`` of the largest.

    Returns
    -------
    two values, int64 of shape (1,): the first such frame, and the one after the last
    """
    floor = draft.node("Mul", draft.node("ReduceMax", energy, keepdims=0), np.float32(10 ** (-trim_db / 10)))
    loud = draft.node("Squeeze", draft.cast(draft.node("GreaterOrEqual", energy, floor), np.int64), ONE)
    first, last = (draft.node("ArgMax", loud, axis=0, select_last_index=i) for i in (0, 1))
    return first, draft.node("Add", last, ONE)
