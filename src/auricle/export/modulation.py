"""Write the modulation spectrum as ONNX nodes: depth of each mel band by octaves of modulation frequency."""

import math

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.graph_builder import GraphBuilder, Value
from auricle.features.columns import modulation_edges_hz
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import MIN_MODULATION_S

__all__ = ["LONGEST_FRAMES", "modulation_depth"]

LONGEST_FRAMES = 2**24
"""Longest window in frames with the same modulation spectrum; two days at 100 frames a second."""


def modulation_depth(graph: GraphBuilder, levels_db: Value, spec: FeatureSpec) -> Value:
    """Write the modulation spectrum of log-mel levels, shape (n_frames, n_mels): shape (n_mels * n_octaves,).

    In double precision: in single precision, onnxruntime's transforms of other lengths than powers of two are exact to
    1e-5 only.
    """
    rate_hz = spec.rate_hz / spec.hop
    n_frames = graph.length(levels_db, 0)
    length = _fast_length(graph, n_frames, math.ceil(MIN_MODULATION_S * rate_hz))
    deviation = graph.node("Sub", levels_db, graph.node("ReduceMean", levels_db, np.array([0])))
    deviation = graph.cast(graph.node("Transpose", deviation, perm=[1, 0]), np.float64)
    tapered = graph.node("Mul", deviation, _taper(graph, n_frames, length))
    signal = graph.node("Unsqueeze", tapered, np.array([2]))
    spectrum = graph.node("DFT", signal, graph.node("Squeeze", length), axis=1, onesided=1)
    parts = graph.node("Reshape", spectrum, np.array([spec.n_mels, -1]))  # real, imaginary, real …
    powers = graph.node("MatMul", graph.node("Mul", parts, parts), _octaves(graph, parts, length, rate_hz))
    octaves = graph.cast(graph.node("Sqrt", powers), np.float32)
    return graph.node("Reshape", octaves, np.array([-1]))


def _fast_length(graph: GraphBuilder, n_frames: Value, shortest: int) -> Value:
    """Write the features' transform length, int64 of shape (1,): a product of 2, 3 and 5."""
    least = graph.node("Max", n_frames, np.array([shortest]))
    lengths = _products(LONGEST_FRAMES)
    longer = graph.node("Where", graph.node("Less", lengths, least), np.array([LONGEST_FRAMES]), lengths)
    return graph.node("ReduceMin", longer, np.array([0]))


def _products(limit: int) -> NDArray[np.int64]:
    found = [1]
    for factor in (2, 3, 5):
        found = [n * factor**power for n in found for power in range(limit.bit_length()) if n * factor**power <= limit]
    return np.array(sorted(found))


def _taper(graph: GraphBuilder, n_frames: Value, length: Value) -> Value:
    """Write a Hann window without its zeros, float64, shape (n_frames,), scaled so that powers sum to the variance."""
    step = graph.node("Div", np.float64(2 * np.pi), graph.cast(graph.node("Add", n_frames, np.array([1])), np.float64))
    index = graph.cast(graph.node("Add", graph.range(n_frames), np.int64(1)), np.float64)
    # 0.5 - 0.5 cos x = sin² (x / 2)
    half_sine = graph.node("Sin", graph.node("Mul", index, graph.node("Mul", step, np.float64(0.5))))
    taper = graph.node("Mul", half_sine, half_sine)
    total = graph.node("Mul", graph.cast(length, np.float64), graph.node("ReduceSumSquare", taper, np.array([0])))
    return graph.node("Mul", taper, graph.node("Sqrt", graph.node("Div", np.float64(2.0), total)))


def _octaves(graph: GraphBuilder, parts: Value, length: Value, rate_hz: float) -> Value:
    """Write the weights of the spectrum's parts in each octave, 0 or 1, float64, shape (n_parts, n_octaves)."""
    edges_hz = np.array(modulation_edges_hz(rate_hz))
    n_parts = graph.length(parts, 1)
    bin_hz = graph.node("Div", np.float64(rate_hz), graph.cast(length, np.float64))
    bins = graph.range(graph.node("Div", n_parts, np.array([2])))
    bins_hz = graph.node("Unsqueeze", graph.node("Mul", graph.cast(bins, np.float64), bin_hz), np.array([1]))
    below = graph.cast(graph.node("Less", bins_hz, edges_hz), np.int64)
    edges = graph.node("Mul", graph.node("ReduceSum", below, np.array([0]), keepdims=0), np.int64(2))
    edges = graph.node("Min", edges, graph.node("Sub", n_parts, np.array([1])))
    first = graph.slice(edges, np.array([0]), np.array([len(edges_hz) - 1]))
    stop = graph.slice(edges, np.array([1]), np.array([len(edges_hz)]))
    stop = graph.node("Max", stop, graph.node("Add", first, np.array([1])))
    index = graph.node("Unsqueeze", graph.range(n_parts), np.array([1]))
    inside = graph.node("And", graph.node("GreaterOrEqual", index, first), graph.node("Less", index, stop))
    return graph.cast(inside, np.float64)
