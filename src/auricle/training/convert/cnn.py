"""Conversion of a fitted CNN to plain ONNX operators, batch normalisation folded into the convolutions; no torch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.graph_builder import GraphBuilder, Value
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.cnn.linear_head import LinearHead
from auricle.models.cnn.settings import FLOOR_DB, stem_of

__all__ = ["convert_cnn"]

Weights = dict[str, NDArray[Any]]

_EPSILON = 1e-5  # torch's, added to the variance in batch normalisation


def convert_cnn(graph: GraphBuilder, rows: Value, estimator: CnnClassifier | CnnRegressor) -> Value:
    """Add a fitted CNN to a graph: from flattened images to probabilities or standardised numbers.

    Parameters
    ----------
    graph : GraphBuilder
    rows : float32, shape (n, bands * frames)
    estimator : CnnClassifier or CnnRegressor
        Fitted.

    Returns
    -------
    float32, shape (n, n_classes) or (n, 1)

    Source: equals torch within 1e-4 (tests/training/convert/test_cnn.py).
    """
    images = _normalized_images(graph, rows, *estimator.shape)
    outputs = [_network(graph, images, weights, estimator.shape[1]) for weights in estimator.weights_]
    if isinstance(estimator, CnnClassifier):
        outputs = [graph.node("Softmax", output, axis=1) for output in outputs]
    mean = graph.node("Mean", *outputs)
    if isinstance(estimator, CnnRegressor):
        residual = graph.node("Mul", mean, np.float32(estimator.deviation_))
        mean = graph.node("Add", residual, _linear_head(graph, images, estimator.line_))
    return mean


def _normalized_images(graph: GraphBuilder, rows: Value, bands: int, frames: int) -> Value:
    """Add the normalisation before the first convolution: a value of shape (n, 2, bands, frames)."""
    peak = graph.node("ReduceMax", rows, np.array([1]), keepdims=1)
    floor_db = np.float32(FLOOR_DB)
    above = graph.node("Relu", graph.node("Add", graph.node("Sub", rows, peak), floor_db))
    images = graph.node("Reshape", graph.node("Div", above, floor_db), np.array([-1, 1, bands, frames]))
    centred = graph.node("Sub", images, graph.node("ReduceMean", images, np.array([3]), keepdims=1))
    return graph.node("Concat", images, centred, axis=1)


def _network(graph: GraphBuilder, images: Value, weights: Weights, frames: int) -> Value:
    x = graph.node("Relu", _conv(graph, images, weights, "stem", stem_of(frames)[1]))
    for name, stride in _blocks(weights):
        inner = graph.node("Relu", _conv(graph, x, weights, f"{name}.first", stride))
        inner = _conv(graph, inner, weights, f"{name}.second", (1, 1))
        shortcut = _conv(graph, x, weights, f"{name}.around", stride) if f"{name}.around.0.weight" in weights else x
        x = graph.node("Relu", graph.node("Add", inner, shortcut))
    x = graph.node("ReduceMean", x, np.array([2]), keepdims=0)
    mean = graph.node("ReduceMean", x, np.array([2]), keepdims=0)
    largest = graph.node("ReduceMax", x, np.array([2]), keepdims=0)
    pooled = graph.node("Concat", mean, largest, axis=1)
    return graph.node("Gemm", pooled, weights["head.weight"], weights["head.bias"], transB=1)


def _linear_head(graph: GraphBuilder, images: Value, head: LinearHead) -> Value:
    """Add the ridge regression on the mean and deviation of each band: a value of shape (n, 1)."""
    levels, centred = (graph.node("Gather", images, np.int64(channel), axis=1) for channel in (0, 1))
    mean = graph.node("ReduceMean", levels, np.array([2]), keepdims=0)
    squares = graph.node("Mul", centred, centred)
    deviation = graph.node("Sqrt", graph.node("ReduceMean", squares, np.array([2]), keepdims=0))
    rows = graph.node("Concat", mean, deviation, axis=1)
    weights = head.weights.astype(np.float32)[:, np.newaxis]
    return graph.node("Gemm", rows, weights, np.array([head.intercept], np.float32))


def _blocks(weights: Weights) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the name and stride of each block; a block that halves its input has a convolution on its shortcut."""
    index = 0
    while f"stages.{index}.first.0.weight" in weights:
        name = f"stages.{index}"
        yield name, (2, 2) if f"{name}.around.0.weight" in weights else (1, 1)
        index += 1


def _conv(graph: GraphBuilder, x: Value, weights: Weights, name: str, stride: tuple[int, int]) -> Value:
    kernel = weights[f"{name}.0.weight"].astype(np.float64)
    scale = weights[f"{name}.1.weight"] / np.sqrt(weights[f"{name}.1.running_var"].astype(np.float64) + _EPSILON)
    bias = weights[f"{name}.1.bias"] - weights[f"{name}.1.running_mean"] * scale
    folded = (kernel * scale[:, None, None, None]).astype(np.float32)
    pads = [size // 2 for size in kernel.shape[2:]] * 2
    return graph.node("Conv", x, folded, bias.astype(np.float32), strides=list(stride), pads=pads)
