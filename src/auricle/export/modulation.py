"""The modulation spectrum as ONNX nodes: how far the level of each mel band swings, by octaves of frequency."""

import math

import numpy as np
from numpy.typing import NDArray

from auricle.export.draft import Draft, Value
from auricle.features.columns import modulation_edges_hz
from auricle.features.modulation import SHORTEST_S
from auricle.features.spec import FeatureSpec

__all__ = ["LONGEST_FRAMES", "modulation_depth"]

LONGEST_FRAMES = 2**24
"""Frames of the longest window whose modulation spectrum is the same; two days at 100 frames a second."""


def modulation_depth(draft: Draft, levels_db: Value, spec: FeatureSpec) -> Value:
    """Write the modulation spectrum of log-mel levels, shape (n_frames, n_mels): shape (n_mels * n_octaves,).

    In double precision, because onnxruntime's transforms of a length that is no power of two are exact to 1e-5 only
    in single.
    """
    rate_hz = spec.rate_hz / spec.hop
    n_frames = draft.length(levels_db, 0)
    length = _fast_length(draft, n_frames, math.ceil(SHORTEST_S * rate_hz))
    deviation = draft.node("Sub", levels_db, draft.node("ReduceMean", levels_db, np.array([0])))
    deviation = draft.cast(draft.node("Transpose", deviation, perm=[1, 0]), np.float64)
    tapered = draft.node("Mul", deviation, _taper(draft, n_frames, length))
    signal = draft.node("Unsqueeze", tapered, np.array([2]))
    spectrum = draft.node("DFT", signal, draft.node("Squeeze", length), axis=1, onesided=1)
    parts = draft.node("Reshape", spectrum, np.array([spec.n_mels, -1]))  # real, imaginary, real …
    powers = draft.node("MatMul", draft.node("Mul", parts, parts), _octaves(draft, parts, length, rate_hz))
    octaves = draft.cast(draft.node("Sqrt", powers), np.float32)
    return draft.node("Reshape", octaves, np.array([-1]))


def _fast_length(draft: Draft, n_frames: Value, shortest: int) -> Value:
    """Write the length of transform that the features choose, int64 of shape (1,): products of 2, 3 and 5."""
    least = draft.node("Max", n_frames, np.array([shortest]))
    lengths = _products(LONGEST_FRAMES)
    longer = draft.node("Where", draft.node("Less", lengths, least), np.array([LONGEST_FRAMES]), lengths)
    return draft.node("ReduceMin", longer, np.array([0]))


def _products(limit: int) -> NDArray[np.int64]:
    found = [1]
    for factor in (2, 3, 5):
        found = [n * factor**power for n in found for power in range(limit.bit_length()) if n * factor**power <= limit]
    return np.array(sorted(found))


def _taper(draft: Draft, n_frames: Value, length: Value) -> Value:
    """Write a Hann window without its zeros, float64, shape (n_frames,), scaled so that powers add to the variance."""
    step = draft.node("Div", np.float64(2 * np.pi), draft.cast(draft.node("Add", n_frames, np.array([1])), np.float64))
    index = draft.cast(draft.node("Add", draft.range(n_frames), np.int64(1)), np.float64)
    # 0.5 - 0.5 cos x = sin² (x / 2)
    half_sine = draft.node("Sin", draft.node("Mul", index, draft.node("Mul", step, np.float64(0.5))))
    taper = draft.node("Mul", half_sine, half_sine)
    total = draft.node("Mul", draft.cast(length, np.float64), draft.node("ReduceSumSquare", taper, np.array([0])))
    return draft.node("Mul", taper, draft.node("Sqrt", draft.node("Div", np.float64(2.0), total)))


def _octaves(draft: Draft, parts: Value, length: Value, rate_hz: float) -> Value:
    """Write which part of the spectrum adds to which octave, float64, shape (n_parts, n_octaves)."""
    edges_hz = np.array(modulation_edges_hz(rate_hz))
    n_parts = draft.length(parts, 1)
    bin_hz = draft.node("Div", np.float64(rate_hz), draft.cast(length, np.float64))
    bins = draft.range(draft.node("Div", n_parts, np.array([2])))
    bins_hz = draft.node("Unsqueeze", draft.node("Mul", draft.cast(bins, np.float64), bin_hz), np.array([1]))
    below = draft.cast(draft.node("Less", bins_hz, edges_hz), np.int64)
    edges = draft.node("Mul", draft.node("ReduceSum", below, np.array([0]), keepdims=0), np.int64(2))
    edges = draft.node("Min", edges, draft.node("Sub", n_parts, np.array([1])))
    first = draft.slice(edges, np.array([0]), np.array([len(edges_hz) - 1]))
    stop = draft.slice(edges, np.array([1]), np.array([len(edges_hz)]))
    stop = draft.node("Max", stop, draft.node("Add", first, np.array([1])))
    place = draft.node("Unsqueeze", draft.range(n_parts), np.array([1]))
    inside = draft.node("And", draft.node("GreaterOrEqual", place, first), draft.node("Less", place, stop))
    return draft.cast(inside, np.float64)
