"""A fitted network as plain ONNX operators: batch normalisation folded into the convolutions, no torch."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.cnn.linear_head import LinearHead
from auricle.models.cnn.settings import FLOOR_DB, stem_of

__all__ = ["write"]

Weights = dict[str, NDArray[Any]]

_EPSILON = 1e-5  # torch's, under the root in batch normalisation


class Draft(Protocol):
    """A graph while it is written, as training's conversion offers it."""

    head: str

    def constant(self, value: Any) -> str:
        """Add a constant; return its name."""

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add one operator; return the name of its result."""


def write(draft: Draft, estimator: CnnClassifier | CnnRegressor) -> None:
    """Write a fitted CNN from the draft's head on: flat images in, probabilities or standardised numbers out.

    Parameters
    ----------
    draft : its head is float32, shape (n, bands * frames); becomes float32, shape (n, n_classes) or (n, 1)

    Source: equals torch within 1e-4 (tests/training/convert/test_cnn.py).
    """
    images = _normalised(draft, *estimator.shape)
    given = [_network(draft, images, weights, estimator.shape[1]) for weights in estimator.weights_]
    if isinstance(estimator, CnnClassifier):
        given = [draft.node("Softmax", one, axis=1) for one in given]
    mean = draft.node("Mean", *given)
    if isinstance(estimator, CnnRegressor):
        rest = draft.node("Mul", mean, draft.constant(np.float32(estimator.deviation_)))
        mean = draft.node("Add", rest, _line(draft, images, estimator.line_))
    draft.head = mean


def _normalised(draft: Draft, bands: int, frames: int) -> str:
    """Write what the network does before its first convolution; the name of a value of shape (n, 2, bands, frames)."""
    peak = draft.node("ReduceMax", draft.head, _axes(draft, 1), keepdims=1)
    floor_db = draft.constant(np.float32(FLOOR_DB))
    above = draft.node("Relu", draft.node("Add", draft.node("Sub", draft.head, peak), floor_db))
    shape = draft.constant(np.array([-1, 1, bands, frames], np.int64))
    images = draft.node("Reshape", draft.node("Div", above, floor_db), shape)
    changes = draft.node("Sub", images, draft.node("ReduceMean", images, _axes(draft, 3), keepdims=1))
    return draft.node("Concat", images, changes, axis=1)


def _network(draft: Draft, images: str, weights: Weights, frames: int) -> str:
    x = draft.node("Relu", _conv(draft, images, weights, "stem", stem_of(frames)[1]))
    for name, stride in _blocks(weights):
        inner = draft.node("Relu", _conv(draft, x, weights, f"{name}.first", stride))
        inner = _conv(draft, inner, weights, f"{name}.second", (1, 1))
        around = _conv(draft, x, weights, f"{name}.around", stride) if f"{name}.around.0.weight" in weights else x
        x = draft.node("Relu", draft.node("Add", inner, around))
    x = draft.node("ReduceMean", x, _axes(draft, 2), keepdims=0)
    mean = draft.node("ReduceMean", x, _axes(draft, 2), keepdims=0)
    largest = draft.node("ReduceMax", x, _axes(draft, 2), keepdims=0)
    pooled = draft.node("Concat", mean, largest, axis=1)
    weight, bias = draft.constant(weights["head.weight"]), draft.constant(weights["head.bias"])
    return draft.node("Gemm", pooled, weight, bias, transB=1)


def _line(draft: Draft, images: str, line: LinearHead) -> str:
    """Write the straight part of a number from what the network is given; the name of a value of shape (n, 1)."""
    heard, changes = (draft.node("Gather", images, draft.constant(np.int64(channel)), axis=1) for channel in (0, 1))
    mean = draft.node("ReduceMean", heard, _axes(draft, 2), keepdims=0)
    spread = draft.node(
        "Sqrt", draft.node("ReduceMean", draft.node("Mul", changes, changes), _axes(draft, 2), keepdims=0)
    )
    found = draft.node("Concat", mean, spread, axis=1)
    weights = draft.constant(line.weights.astype(np.float32)[:, np.newaxis])
    return draft.node("Gemm", found, weights, draft.constant(np.array([line.intercept], np.float32)))


def _blocks(weights: Weights) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each block's name and stride; one that halves its input has a convolution on the way around."""
    index = 0
    while f"stages.{index}.first.0.weight" in weights:
        name = f"stages.{index}"
        yield name, (2, 2) if f"{name}.around.0.weight" in weights else (1, 1)
        index += 1


def _conv(draft: Draft, x: str, weights: Weights, name: str, stride: tuple[int, int]) -> str:
    kernel = weights[f"{name}.0.weight"].astype(np.float64)
    scale = weights[f"{name}.1.weight"] / np.sqrt(weights[f"{name}.1.running_var"].astype(np.float64) + _EPSILON)
    bias = weights[f"{name}.1.bias"] - weights[f"{name}.1.running_mean"] * scale
    folded = draft.constant((kernel * scale[:, None, None, None]).astype(np.float32))
    pads = [size // 2 for size in kernel.shape[2:]] * 2
    return draft.node("Conv", x, folded, draft.constant(bias.astype(np.float32)), strides=list(stride), pads=pads)


def _axes(draft: Draft, axis: int) -> str:
    return draft.constant(np.array([axis], np.int64))
