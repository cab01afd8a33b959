"""Write the model's outputs as ONNX nodes, from window rows to predictions: model, pooling, calibration, novelty."""

import numpy as np
import onnx
from numpy.typing import NDArray

from auricle.bundles.aggregation import FLOOR
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph_builder import OPSET, GraphBuilder, Value
from auricle.bundles.novelty import FAR_RANK, LEVELS, LIMIT, N_NEAREST, N_RANKS, Novelty, NoveltyLevel
from auricle.errors import ExportError

__all__ = ["recording_outputs"]

Outputs = dict[str, Value]


def recording_outputs(graph: GraphBuilder, rows: Value, standard: Value, bundle: Bundle) -> Outputs:
    """Write the bundle's predictions of one recording from its rows, shape (n_windows, n_columns), and standard rows.

    Returns
    -------
    dict of str to Value
        The recording's outputs by name, then its windows'.

    Raises
    ------
    ExportError : the model's graph uses another version of the operators
    """
    mean = graph.node("ReduceMean", graph.cast(standard, np.float64), np.array([0]))
    distances, distance = (
        _distances(graph, table, bundle.novelty) for table in (standard, graph.cast(mean, np.float32))
    )
    windows = graph.cast(_model(graph, rows, bundle.graph), np.float64)
    write = _classes if bundle.manifest.task == "classify" else _numbers
    if bundle.manifest.task == "classify":
        windows = graph.node("Log", graph.node("Max", windows, np.float64(FLOOR)))
    recording = graph.node("ReduceMean", windows, np.array([0]))
    outputs = write(graph, recording, distance, bundle, "recording")
    return {name: graph.node("Squeeze", value, np.array([0])) for name, value in outputs.items()} | {
        f"window_{name}": value for name, value in write(graph, windows, distances, bundle, "window").items()
    }


def _model(graph: GraphBuilder, rows: Value, serialised: bytes) -> Value:
    """Graft the bundle's graph; return its output, float32, shape (n_windows, n_classes or 1)."""
    model = onnx.load_model_from_string(serialised)
    version = next((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), None)
    if version != OPSET or model.functions or len(model.graph.input) != 1:
        raise ExportError(
            f"A model's graph must have one input, version {OPSET} of ONNX's operators and no function to be exported. "
            f"This one has {len(model.graph.input)} inputs, version {version} and {len(model.functions)} functions."
        )
    return graph.graft(model.graph, rows)


def _classes(graph: GraphBuilder, logs: Value, distance: Value, bundle: Bundle, level: NoveltyLevel) -> Outputs:
    scaling = getattr(bundle.manifest.calibration, level)
    scaled = graph.node("Div", logs, np.float64(scaling.temperature))
    if scaling.bias:
        scaled = graph.node("Add", scaled, np.array(scaling.bias, np.float64))
    probabilities = graph.node("Softmax", scaled, axis=1)
    rounded = graph.node("Round", graph.node("Mul", probabilities, np.float64(1e6)))  # ties go to the first class
    best = graph.node("ArgMax", rounded, axis=1, keepdims=1)
    doubt = graph.node("Sub", np.float64(1.0), graph.node("GatherElements", probabilities, best, axis=1))
    outputs = {
        "probabilities": graph.cast(probabilities, np.float32),
        "class": graph.node("Squeeze", best, np.array([1])),
    }
    if bundle.manifest.sets and level == "recording":
        outputs["possible"] = graph.node("GreaterOrEqual", probabilities, np.array(bundle.manifest.sets.thresholds))
    return outputs | _novelty(graph, graph.node("Squeeze", doubt, np.array([1])), distance, bundle.novelty, level)


def _numbers(graph: GraphBuilder, output: Value, distance: Value, bundle: Bundle, level: NoveltyLevel) -> Outputs:
    manifest = bundle.manifest
    target = manifest.target
    assert target is not None  # noqa: S101 - a manifest without classes has one
    scaled = graph.node("Mul", graph.node("Squeeze", output, np.array([1])), np.float64(target.deviation))
    value = graph.node("Add", scaled, np.float64(target.mean))
    outputs = {"value": graph.cast(value, np.float32)}
    if manifest.interval and level == "recording":
        half_widths = manifest.interval.half_width * np.array([[-1.0, 1.0]])
        column = graph.node("Unsqueeze", value, np.array([1]))
        outputs["interval"] = graph.cast(graph.node("Add", column, half_widths), np.float32)
    return outputs | _novelty(graph, None, distance, bundle.novelty, level)


def _distances(graph: GraphBuilder, rows: Value, novelty: Novelty) -> Value:
    """Write the mean distance of each row from the nearest prototypes: float64, shape (n_windows,)."""
    columns = graph.node("Gather", rows, novelty.columns, axis=1)
    centred = graph.node("Mul", graph.node("Sub", columns, novelty.mean), novelty.inverse_deviation)
    scaled = graph.cast(graph.node("Clip", centred, -LIMIT, LIMIT), np.float64)
    prototypes = novelty.prototypes.astype(np.float64)
    own = graph.node("ReduceSumSquare", scaled, np.array([1]))
    cross = graph.node("MatMul", scaled, -2.0 * prototypes.T)
    squares = graph.node("Add", graph.node("Add", own, (prototypes**2).sum(axis=1)), cross)
    nearest = np.array([min(N_NEAREST, len(prototypes))])
    near = graph.split("TopK", graph.node("Max", squares, np.float64(0.0)), nearest, n=2, axis=1, largest=0)[0]
    return graph.node("ReduceMean", graph.node("Sqrt", near), np.array([1]), keepdims=0)


def _novelty(
    graph: GraphBuilder, doubt: Value | None, distance: Value, novelty: Novelty, level: NoveltyLevel
) -> Outputs:
    """Write the novelty of each prediction, shape (n,), and whether it is unknown."""
    level_index = LEVELS.index(level)
    distances = novelty.distances[level_index]
    rank = _rank(graph, distance, distances)
    if doubt is not None:
        ranks = graph.node("Add", rank, _rank(graph, doubt, novelty.doubts[level_index]))
        rank = graph.node("Div", ranks, np.float64(2.0))
    farther = graph.node("Div", distance, np.float64(max(distances[FAR_RANK], 1e-12)))
    excess = graph.node("Max", graph.node("Sub", farther, np.float64(1.0)), np.float64(0.0))
    score = graph.node("Add", rank, excess)
    unknown = graph.node("Greater", score, np.float64(novelty.thresholds[level_index]))
    return {"novelty": graph.cast(score, np.float32), "unknown": unknown}


def _rank(graph: GraphBuilder, values: Value, percentiles: NDArray[np.float64]) -> Value:
    """Write the rank of values, shape (n,), among percentiles, from 0 to 1, interpolated as by ``numpy.interp``."""
    column = graph.node("Unsqueeze", values, np.array([1]))
    reached = graph.cast(graph.node("GreaterOrEqual", column, percentiles), np.int64)
    count = graph.node("ReduceSum", reached, np.array([1]), keepdims=0)
    below = graph.node("Max", graph.node("Sub", count, np.int64(1)), np.int64(0))
    above = graph.node("Min", graph.node("Add", below, np.int64(1)), np.int64(N_RANKS - 1))
    low, high = (graph.node("Gather", percentiles, index) for index in (below, above))
    width = graph.node("Max", graph.node("Sub", high, low), np.finfo(np.float64).tiny)
    part = graph.node("Clip", graph.node("Div", graph.node("Sub", values, low), width), np.float64(0), np.float64(1))
    rank = graph.node("Add", graph.cast(below, np.float64), part)
    return graph.node("Min", graph.node("Div", rank, np.float64(N_RANKS - 1)), np.float64(1.0))
