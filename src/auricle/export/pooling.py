"""Write pooling as ONNX nodes: statistics over the frames of a window and of its parts."""

from collections.abc import Callable, Iterator
from functools import cached_property, partial

import numpy as np

from auricle.bundles.graph_builder import GraphBuilder, Value
from auricle.errors import ExportError
from auricle.features.spec import FeatureSpec

__all__ = ["POOLS", "Stretch", "pool", "trim_silence"]

ONE = np.array([1])


class Stretch:
    """Consecutive frames; each value is written once, on its first use.

    Parameters
    ----------
    graph : GraphBuilder
    values : float32, shape (n_frames, n_values), n_frames ≥ 1
    frame_s : float
        Seconds from one frame to the next.
    whole : Stretch, optional
        The stretch that this is a part of.
    """

    def __init__(self, graph: GraphBuilder, values: Value, frame_s: float, whole: "Stretch | None" = None) -> None:
        self.graph, self.values, self.frame_s, self.whole = graph, values, frame_s, whole

    @cached_property
    def last(self) -> Value:
        """Index of the last frame: int64, shape (1,)."""
        return self.graph.node("Sub", self.graph.length(self.values, 0), ONE)

    @cached_property
    def mean(self) -> Value:
        """Mean of each value, shape (n_values,)."""
        return self.graph.node("ReduceMean", self.values, np.array([0]), keepdims=0)

    @cached_property
    def deviation(self) -> Value:
        """Distance of each frame's values from their mean, shape (n_frames, n_values)."""
        return self.graph.node("Sub", self.values, self.mean)

    @cached_property
    def ranked(self) -> Value:
        """Values sorted over frames, ascending, shape (n_frames, n_values)."""
        n_frames = self.graph.length(self.values, 0)
        return self.graph.split("TopK", self.values, n_frames, n=2, axis=0, largest=0)[0]


def _std(stretch: Stretch) -> Value:
    graph = stretch.graph
    squares = graph.node("Mul", stretch.deviation, stretch.deviation)
    return graph.node("Sqrt", graph.node("ReduceMean", squares, np.array([0]), keepdims=0))


def _extreme(stretch: Stretch, *, operator: str) -> Value:
    return stretch.graph.node(operator, stretch.values, np.array([0]), keepdims=0)


def _percentile(stretch: Stretch, *, percent: float) -> Value:
    """Write a percentile, interpolated as by NumPy's default."""
    graph = stretch.graph
    position = graph.node("Mul", graph.cast(stretch.last, np.float64), np.float64(percent / 100))
    below = graph.cast(position, np.int64)
    above = graph.node("Min", graph.node("Add", below, ONE), stretch.last)
    between = graph.cast(graph.node("Sub", position, graph.cast(below, np.float64)), np.float32)
    low, high = (graph.node("Gather", stretch.ranked, index, axis=0) for index in (below, above))
    value = graph.node("Add", low, graph.node("Mul", between, graph.node("Sub", high, low)))
    return graph.node("Squeeze", value, np.array([0]))


def _slope(stretch: Stretch) -> Value:
    """Write the slope of the least-squares line, per second; 0 for a single frame."""
    graph = stretch.graph
    centre = graph.node("Mul", graph.cast(stretch.last, np.float32), np.float32(0.5))
    index = graph.cast(graph.range(graph.node("Add", stretch.last, ONE)), np.float32)
    time = graph.node("Sub", index, centre)
    product = graph.node("MatMul", time, stretch.deviation)
    square = graph.node("Max", graph.node("ReduceSumSquare", time, np.array([0])), np.float32(0.5))
    return graph.node("Div", product, graph.node("Mul", square, np.float32(stretch.frame_s)))


def _rise(stretch: Stretch) -> Value:
    whole = stretch.whole or stretch
    return stretch.graph.node("Sub", stretch.mean, whole.mean)


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
"""Writer of each statistic: float32, shape (n_values,)."""


def pool(graph: GraphBuilder, values: Value, spec: FeatureSpec) -> list[Value]:
    """Write the statistics of frames, shape (n_frames, n), and of each of their parts; each float32, shape (n,).

    Raises
    ------
    ExportError : a statistic cannot be exported
    """
    written: list[Value] = []
    whole = None
    for frames, statistics in _stretches(graph, values, spec):
        stretch = Stretch(graph, frames, spec.hop / spec.rate_hz, whole)
        whole = whole or stretch
        for statistic in statistics:
            if statistic not in POOLS:
                raise ExportError(f"Every statistic must be among {', '.join(POOLS)} to be exported. Got {statistic}.")
            written.append(POOLS[statistic](stretch))
    return written


def _stretches(graph: GraphBuilder, values: Value, spec: FeatureSpec) -> Iterator[tuple[Value, tuple[str, ...]]]:
    yield values, spec.statistics
    if spec.parts == 1:
        return
    n_frames = graph.length(values, 0)
    for part in range(spec.parts):
        # Never empty, as in `auricle.features.pooling.part_of`.
        start, stop = (
            graph.node("Div", graph.node("Mul", n_frames, np.array([i])), np.array([spec.parts]))
            for i in (part, part + 1)
        )
        start = graph.node("Min", start, graph.node("Sub", n_frames, ONE))
        stop = graph.node("Max", stop, graph.node("Add", start, ONE))
        yield graph.slice(values, start, stop), spec.part_statistics


def trim_silence(graph: GraphBuilder, energy: Value, trim_db: float) -> tuple[Value, Value]:
    """Write the range of frames with energy, shape (n_frames, 1), within ``trim_db`` of the largest.

    Returns
    -------
    first, stop : int64, shape (1,)
        The first such frame, and the frame after the last.
    """
    floor = graph.node("Mul", graph.node("ReduceMax", energy, keepdims=0), np.float32(10 ** (-trim_db / 10)))
    loud = graph.node("Squeeze", graph.cast(graph.node("GreaterOrEqual", energy, floor), np.int64), ONE)
    first, last = (graph.node("ArgMax", loud, axis=0, select_last_index=i) for i in (0, 1))
    return first, graph.node("Add", last, ONE)
