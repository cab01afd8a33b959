"""Write power spectrum and log-mel levels as ONNX nodes: matrix products, which every runtime supports."""

import math

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.graph_builder import GraphBuilder, Value
from auricle.features.filters import hann, mel_filters
from auricle.features.spec import FeatureSpec

__all__ = ["AMIN", "decibels", "frames", "log_mel", "mel_levels", "power"]

AMIN = np.float32(1e-10)
"""Floor of a power in the features, -100 dB."""


def log_mel(graph: GraphBuilder, samples: Value, spec: FeatureSpec) -> Value:
    """Write the log-mel spectrogram of samples, shape (n,): float32, shape (n_frames, n_mels), in dB.

    Equals :func:`auricle.features.log_mel`; rows and images begin with it.
    """
    return mel_levels(graph, power(graph, frames(graph, samples, spec), spec), spec)


def frames(graph: GraphBuilder, samples: Value, spec: FeatureSpec) -> Value:
    """Write the frames of samples, shape (n,): float32, shape (n_frames, n_fft).

    Hop and frame are whole numbers of blocks, and frames are gathered by blocks, which copies long stretches at once.
    """
    block = math.gcd(spec.n_fft, spec.hop)
    held = graph.node("Sub", graph.length(samples, 0), np.array([spec.n_fft]))
    n_frames = graph.node("Add", graph.node("Div", held, np.array([spec.hop])), np.array([1]))
    used = graph.node("Mul", graph.node("Div", graph.length(samples, 0), np.array([block])), np.array([block]))
    blocks = graph.node("Reshape", graph.slice(samples, np.array([0]), used), np.array([-1, block]))
    first = graph.node("Mul", graph.range(n_frames), np.int64(spec.hop // block))
    indices = graph.node(
        "Add", graph.node("Unsqueeze", first, np.array([1])), np.arange(spec.n_fft // block)[np.newaxis]
    )
    return graph.node("Reshape", graph.node("Gather", blocks, indices, axis=0), np.array([-1, spec.n_fft]))


def power(graph: GraphBuilder, frames: Value, spec: FeatureSpec) -> Value:
    """Write the power spectrum of frames: float32, shape (n_frames, n_fft // 2 + 1).

    With n_fft = n1 n2, sample n2 i + j of a frame is element (i, j) of a matrix. A transform of n1 points down its
    columns, a rotation of each element, and a transform of n2 points along its rows make the spectrum (Cooley and
    Tukey, 1965; Bailey's four steps): 3 to 6 times fewer products than one dense matrix, and constants of a few
    kilobytes. Only half of the first transform is computed: for real samples the rest mirrors it.
    """
    n_fft = spec.n_fft
    n1 = max(n for n in range(1, math.isqrt(n_fft) + 1) if n_fft % n == 0)
    n2 = n_fft // n1
    down, turns, along = _tables(n1, n2)
    windowed = graph.node("Mul", frames, hann(n_fft).astype(np.float32))
    matrix = graph.node("Reshape", windowed, np.array([-1, n1, n2]))
    columns = graph.node("Transpose", matrix, perm=[0, 2, 1])
    real, imaginary = (graph.node("MatMul", columns, part) for part in _parts(down))
    turn_real, turn_imaginary = _parts(turns)
    turned_real = graph.node("Sub", graph.node("Mul", real, turn_real), graph.node("Mul", imaginary, turn_imaginary))
    turned_imaginary = graph.node(
        "Add", graph.node("Mul", real, turn_imaginary), graph.node("Mul", imaginary, turn_real)
    )
    both = graph.node("Concat", turned_real, turned_imaginary, axis=1)
    rows = graph.node("Transpose", both, perm=[0, 2, 1])
    cos, sin = _parts(along)
    spectrum = graph.node("MatMul", rows, np.block([[cos, sin], [-sin, cos]]))
    squares = graph.split("Split", graph.node("Mul", spectrum, spectrum), np.array([n2, n2]), n=2, axis=2)
    flat = graph.node("Reshape", graph.node("Add", *squares), np.array([-1, n2 * (n1 // 2 + 1)]))
    bins = np.arange(n_fft // 2 + 1)
    mirrored = np.where(bins % n1 <= n1 // 2, bins, n_fft - bins)  # a real signal's bin n_fft - k equals its bin k
    return graph.node("Gather", flat, mirrored % n1 * n2 + mirrored // n1, axis=1)


def _tables(n1: int, n2: int) -> tuple[NDArray[np.complex128], ...]:
    half, points = np.arange(n1 // 2 + 1), np.arange(n2)
    down = np.exp(-2j * np.pi * np.outer(np.arange(n1), half) / n1)
    turns = np.exp(-2j * np.pi * np.outer(points, half) / (n1 * n2))
    return down, turns, np.exp(-2j * np.pi * np.outer(points, points) / n2)


def _parts(table: NDArray[np.complex128]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return table.real.astype(np.float32), table.imag.astype(np.float32)


def mel_levels(graph: GraphBuilder, power: Value, spec: FeatureSpec) -> Value:
    """Write the level of each mel band from the power spectrum: float32, shape (n_frames, n_mels), in dB."""
    return decibels(graph, graph.node("MatMul", power, mel_filters(spec).T.astype(np.float32)))


def decibels(graph: GraphBuilder, power: Value) -> Value:
    """Write ``10 log10`` of a power, floored at -100 dB."""
    return graph.node("Mul", graph.node("Log", graph.node("Max", power, AMIN)), np.float32(10 / math.log(10)))
