"""From the rows of a recording's windows to its answer, as ONNX nodes: the model, calibration, pooling, novelty."""

import numpy as np
import onnx
from numpy.typing import NDArray

from auricle.bundles.aggregation import FLOOR
from auricle.bundles.bundle import Bundle
from auricle.bundles.novelty import FAR_RANK, LEVELS, LIMIT, N_NEAREST, N_RANKS, Novelty, NoveltyLevel
from auricle.errors import ExportError
from auricle.export.draft import OPSET, Draft, Value

__all__ = ["recording_outputs"]

Outputs = dict[str, Value]


def recording_outputs(draft: Draft, rows: Value, standard: Value, bundle: Bundle) -> Outputs:
    """Write what the bundle answers to the rows, shape (n_windows, n_columns), and standard rows of one recording.

    Returns
    -------
    the name of each output, and the value that it is: the recording's, then its windows'

    Raises
    ------
    ExportError : the model's graph uses another version of the operators
    """
    mean = draft.node("ReduceMean", draft.cast(standard, np.float64), np.array([0]))
    distances, distance = (
        _distances(draft, table, bundle.novelty) for table in (standard, draft.cast(mean, np.float32))
    )
    windows = draft.cast(_model(draft, rows, bundle.graph), np.float64)
    write = _classes if bundle.manifest.task == "classify" else _numbers
    if bundle.manifest.task == "classify":
        windows = draft.node("Log", draft.node("Max", windows, np.float64(FLOOR)))
    recording = draft.node("ReduceMean", windows, np.array([0]))
    whole = write(draft, recording, distance, bundle, "recording")
    return {name: draft.node("Squeeze", value, np.array([0])) for name, value in whole.items()} | {
        f"window_{name}": value for name, value in write(draft, windows, distances, bundle, "window").items()
    }


def _model(draft: Draft, rows: Value, graph: bytes) -> Value:
    """Graft the bundle's graph; return its answers, float32, shape (n_windows, n_classes or 1)."""
    model = onnx.load_model_from_string(graph)
    version = next((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), None)
    if version != OPSET or model.functions or len(model.graph.input) != 1:
        raise ExportError(
            f"A model's graph must have one input, version {OPSET} of ONNX's operators and no function to be exported. "
            f"This one has {len(model.graph.input)} inputs, version {version} and {len(model.functions)} functions."
        )
    return draft.graft(model.graph, rows, prefix="model/")


def _classes(draft: Draft, logs: Value, distance: Value, bundle: Bundle, level: NoveltyLevel) -> Outputs:
    how = getattr(bundle.manifest.calibration, level)
    scaled = draft.node("Div", logs, np.float64(how.temperature))
    if how.bias:
        scaled = draft.node("Add", scaled, np.array(how.bias, np.float64))
    probabilities = draft.node("Softmax", scaled, axis=1)
    rounded = draft.node("Round", draft.node("Mul", probabilities, np.float64(1e6)))  # ties go to the first class
    best = draft.node("ArgMax", rounded, axis=1, keepdims=1)
    doubt = draft.node("Sub", np.float64(1.0), draft.node("GatherElements", probabilities, best, axis=1))
    outputs = {
        "probabilities": draft.cast(probabilities, np.float32),
        "class": draft.node("Squeeze", best, np.array([1])),
    }
    if bundle.manifest.sets and level == "recording":
        outputs["possible"] = draft.node("GreaterOrEqual", probabilities, np.array(bundle.manifest.sets.thresholds))
    return outputs | _novelty(draft, draft.node("Squeeze", doubt, np.array([1])), distance, bundle.novelty, level)


def _numbers(draft: Draft, answer: Value, distance: Value, bundle: Bundle, level: NoveltyLevel) -> Outputs:
    manifest = bundle.manifest
    target = manifest.target
    assert target is not None  # noqa: S101 - a manifest without classes has one
    scaled = draft.node("Mul", draft.node("Squeeze", answer, np.array([1])), np.float64(target.deviation))
    value = draft.node("Add", scaled, np.float64(target.mean))
    outputs = {"value": draft.cast(value, np.float32)}
    if manifest.interval and level == "recording":
        reach = manifest.interval.half_width * np.array([[-1.0, 1.0]])
        column = draft.node("Unsqueeze", value, np.array([1]))
        outputs["interval"] = draft.cast(draft.node("Add", column, reach), np.float32)
    return outputs | _novelty(draft, None, distance, bundle.novelty, level)


def _distances(draft: Draft, rows: Value, novelty: Novelty) -> Value:
    """Write the mean distance of each row from the nearest prototypes: float64, shape (n_windows,)."""
    told = draft.node("Gather", rows, novelty.columns, axis=1)
    centred = draft.node("Mul", draft.node("Sub", told, novelty.mean), novelty.inverse_deviation)
    places = draft.cast(draft.node("Clip", centred, -LIMIT, LIMIT), np.float64)
    prototypes = novelty.prototypes.astype(np.float64)
    own = draft.node("ReduceSumSquare", places, np.array([1]))
    cross = draft.node("MatMul", places, -2.0 * prototypes.T)
    squares = draft.node("Add", draft.node("Add", own, (prototypes**2).sum(axis=1)), cross)
    nearest = np.array([min(N_NEAREST, len(prototypes))])
    near = draft.split("TopK", draft.node("Max", squares, np.float64(0.0)), nearest, n=2, axis=1, largest=0)[0]
    return draft.node("ReduceMean", draft.node("Sqrt", near), np.array([1]), keepdims=0)


def _novelty(draft: Draft, doubt: Value | None, distance: Value, novelty: Novelty, level: NoveltyLevel) -> Outputs:
    """Write how unlike the training sound each is, shape (n,), and whether that is too much."""
    place = LEVELS.index(level)
    known = novelty.distances[place]
    rank = _rank(draft, distance, known)
    if doubt is not None:
        ranks = draft.node("Add", rank, _rank(draft, doubt, novelty.doubts[place]))
        rank = draft.node("Div", ranks, np.float64(2.0))
    farther = draft.node("Div", distance, np.float64(max(known[FAR_RANK], 1e-12)))
    excess = draft.node("Max", draft.node("Sub", farther, np.float64(1.0)), np.float64(0.0))
    score = draft.node("Add", rank, excess)
    unknown = draft.node("Greater", score, np.float64(novelty.thresholds[place]))
    return {"novelty": draft.cast(score, np.float32), "unknown": unknown}


def _rank(draft: Draft, values: Value, percentiles: NDArray[np.float64]) -> Value:
    """Write where values, shape (n,), lie among percentiles, from 0 to 1, between neighbours as NumPy's interp does."""
    column = draft.node("Unsqueeze", values, np.array([1]))
    reached = draft.cast(draft.node("GreaterOrEqual", column, percentiles), np.int64)
    count = draft.node("ReduceSum", reached, np.array([1]), keepdims=0)
    below = draft.node("Max", draft.node("Sub", count, np.int64(1)), np.int64(0))
    above = draft.node("Min", draft.node("Add", below, np.int64(1)), np.int64(N_RANKS - 1))
    low, high = (draft.node("Gather", percentiles, index) for index in (below, above))
    width = draft.node("Max", draft.node("Sub", high, low), np.finfo(np.float64).tiny)
    part = draft.node("Clip", draft.node("Div", draft.node("Sub", values, low), width), np.float64(0), np.float64(1))
    rank = draft.node("Add", draft.cast(below, np.float64), part)
    return draft.node("Min", draft.node("Div", rank, np.float64(N_RANKS - 1)), np.float64(1.0))
