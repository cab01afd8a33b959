"""Write the frame features of one window as ONNX nodes, one writer per feature group."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from auricle.bundles.graph_builder import GraphBuilder, Value
from auricle.export.spectrum import AMIN, decibels, frames, mel_levels, power
from auricle.features.analysis import DELTA_FRAMES, delta_weights
from auricle.features.filters import chroma_filters, contrast_bins, cosine_transform
from auricle.features.spec import FeatureSpec
from auricle.kernels.spectral_shape import MIN_RELATIVE_MAGNITUDE

__all__ = ["GROUPS", "FrameValues"]

TINY = np.finfo(np.float32).tiny
ZERO = np.float32(-1e-10)  # samples above it count as positive
ROLLOFF = np.float32(0.85)
RANGE_DB = np.float32(80.0)
CHROMA_NEGLIGIBLE = 1e-7


class FrameValues:
    """Values that the feature groups of one window share; each is written once, on its first use.

    Parameters
    ----------
    graph : GraphBuilder
    samples : float32, shape (n,), n ≥ ``spec.n_fft``
    spec : FeatureSpec
    """

    def __init__(self, graph: GraphBuilder, samples: Value, spec: FeatureSpec) -> None:
        self.graph, self.samples, self.spec = graph, samples, spec

    @cached_property
    def frames(self) -> Value:
        """Samples, shape (n_frames, n_fft)."""
        return frames(self.graph, self.samples, self.spec)

    @cached_property
    def n_frames(self) -> Value:
        """Number of frames: int64, shape (1,)."""
        return self.graph.length(self.frames, 0)

    @cached_property
    def power(self) -> Value:
        """Power spectrum, shape (n_frames, n_fft // 2 + 1)."""
        return power(self.graph, self.frames, self.spec)

    @cached_property
    def magnitude(self) -> Value:
        """Square root of the power."""
        return self.graph.node("Sqrt", self.power)

    @cached_property
    def magnitude_sum(self) -> Value:
        """Sum of each frame's magnitude, shape (n_frames, 1); never 0."""
        return self.graph.node("Max", self.graph.node("ReduceSum", self.magnitude, np.array([1])), TINY)

    @cached_property
    def mel(self) -> Value:
        """Level of the mel bands in dB, shape (n_frames, n_mels)."""
        return mel_levels(self.graph, self.power, self.spec)

    @cached_property
    def mfcc(self) -> Value:
        """Cepstral coefficients, shape (n_frames, n_mfcc)."""
        transform = cosine_transform(self.spec.n_mfcc, self.spec.n_mels)
        return self.graph.node("MatMul", self.mel, transform.T.astype(np.float32))

    @cached_property
    def energy(self) -> Value:
        """Sum of each frame's squared samples, shape (n_frames, 1)."""
        return self.graph.node("ReduceSumSquare", self.frames, np.array([1]))

    @cached_property
    def mean_bin(self) -> Value:
        """Mean bin of each frame, weighted by magnitude, shape (n_frames, 1)."""
        bins = np.arange(self.spec.n_fft // 2 + 1, dtype=np.float32)[:, np.newaxis]
        return self.graph.node("Div", self.graph.node("MatMul", self.magnitude, bins), self.magnitude_sum)


def _in_hz(values: FrameValues, bins: Value) -> Value:
    return values.graph.node("Mul", bins, np.float32(values.spec.rate_hz / values.spec.n_fft))


def _delta(values: FrameValues, source: Value, order: int) -> Value:
    """Write the fitted derivative over 9 frames, or the longest odd span of a short window; the ends repeat."""
    graph, n, half_span = values.graph, values.n_frames, DELTA_FRAMES // 2
    # Weights for each span of 1, 3 … 9 frames, centred in rows of nine.
    spans = [delta_weights(span)[order - 1] for span in range(1, DELTA_FRAMES + 1, 2)]
    table = np.stack([np.pad(weights, half_span - len(weights) // 2) for weights in spans])
    half = graph.node("Div", graph.node("Sub", n, np.array([1])), np.array([2]))
    half = graph.node("Min", half, np.array([half_span]))
    kernel = graph.node("Reshape", graph.node("Gather", table, half), np.array([1, 1, DELTA_FRAMES, 1]))
    picture = graph.node("Unsqueeze", source, np.array([0, 1]))
    slopes = graph.node("Conv", picture, kernel, pads=[half_span, 0, half_span, 0])
    last = graph.node("Sub", graph.node("Sub", n, np.array([1])), half)
    nearest = graph.node("Min", graph.node("Max", graph.range(n), half), last)
    return graph.node("Gather", graph.node("Squeeze", slopes, np.array([0, 1])), nearest, axis=0)


def _bandwidth(values: FrameValues) -> Value:
    graph = values.graph
    bins = np.arange(values.spec.n_fft // 2 + 1, dtype=np.float32)[np.newaxis]
    away = graph.node("Sub", bins, values.mean_bin)
    weighted = graph.node("Mul", values.magnitude, graph.node("Mul", away, away))
    spread = graph.node("Div", graph.node("ReduceSum", weighted, np.array([1])), values.magnitude_sum)
    return _in_hz(values, graph.node("Sqrt", spread))


def _rolloff(values: FrameValues) -> Value:
    graph = values.graph
    total = graph.node("ReduceSum", values.magnitude, np.array([1]))
    below = graph.node("Less", graph.node("CumSum", values.magnitude, np.int64(1)), graph.node("Mul", total, ROLLOFF))
    return _in_hz(values, graph.node("ReduceSum", graph.cast(below, np.float32), np.array([1])))


def _flatness(values: FrameValues) -> Value:
    graph = values.graph
    floored = graph.node("Max", values.power, AMIN)
    geometric = graph.node("ReduceMean", graph.node("Log", floored), np.array([1]))
    arithmetic = graph.node("Log", graph.node("ReduceMean", floored, np.array([1])))
    return graph.node("Exp", graph.node("Sub", geometric, arithmetic))


def _contrast(values: FrameValues) -> Value:
    graph = values.graph
    loudest = graph.node("ReduceMax", values.magnitude, np.array([1]))
    floor = graph.node("Mul", loudest, np.float32(MIN_RELATIVE_MAGNITUDE))
    levels: dict[int, list[Value]] = {0: [], 1: []}
    for first, count, few in contrast_bins(values.spec.rate_hz, values.spec.n_fft):
        band = graph.slice(values.magnitude, np.array([first]), np.array([first + count]), axis=1)
        for largest, found in levels.items():
            chosen, _ = graph.split("TopK", band, np.array([few]), n=2, axis=1, largest=largest)
            found.append(graph.node("Max", graph.node("ReduceMean", chosen, np.array([1])), floor))
    valleys, peaks = (_floored(graph, decibels(graph, graph.node("Concat", *levels[i], axis=1))) for i in (0, 1))
    return graph.node("Sub", peaks, valleys)


def _floored(graph: GraphBuilder, levels_db: Value) -> Value:
    """Floor levels at 80 dB below the window's largest."""
    return graph.node("Max", levels_db, graph.node("Sub", graph.node("ReduceMax", levels_db, keepdims=0), RANGE_DB))


def _chroma(values: FrameValues) -> Value:
    graph = values.graph
    filters = chroma_filters(values.spec.rate_hz, values.spec.n_fft)
    filters[filters <= CHROMA_NEGLIGIBLE] = 0
    classes = graph.node("MatMul", values.power, filters.T.astype(np.float32))
    largest = graph.node("Max", graph.node("ReduceMax", classes, np.array([1])), TINY)
    return graph.node("Div", classes, largest)


def _flux(values: FrameValues) -> Value:
    graph, mel = values.graph, values.mel
    before = graph.node("Max", graph.node("Sub", graph.range(values.n_frames), np.int64(1)), np.int64(0))
    rise = graph.node("Relu", graph.node("Sub", mel, graph.node("Gather", mel, before, axis=0)))
    return graph.node("ReduceMean", rise, np.array([1]))


def _zcr(values: FrameValues) -> Value:
    graph, n_fft = values.graph, values.spec.n_fft
    negative = graph.cast(graph.node("Less", values.frames, ZERO), np.float32)
    later = graph.slice(negative, np.array([1]), np.array([n_fft]), axis=1)
    sooner = graph.slice(negative, np.array([0]), np.array([n_fft - 1]), axis=1)
    changes = graph.node("ReduceSumSquare", graph.node("Sub", later, sooner), np.array([1]))
    return graph.node("Div", changes, np.float32(n_fft))


GROUPS: dict[str, Callable[[FrameValues], Value]] = {
    "mfcc": lambda values: values.mfcc,
    "mfcc_delta": lambda values: _delta(values, values.mfcc, 1),
    "mfcc_delta2": lambda values: _delta(values, values.mfcc, 2),
    "mel": lambda values: values.mel,
    "mel_delta": lambda values: _delta(values, values.mel, 1),
    "centroid": lambda values: _in_hz(values, values.mean_bin),
    "bandwidth": _bandwidth,
    "rolloff": _rolloff,
    "flatness": _flatness,
    "contrast": _contrast,
    "chroma": _chroma,
    "flux": _flux,
    "rms": lambda values: values.graph.node(
        "Sqrt", values.graph.node("Div", values.energy, np.float32(values.spec.n_fft))
    ),
    "energy": lambda values: values.energy,
    "zcr": _zcr,
}
"""Writer of each feature group: float32, shape (n_frames, n)."""
