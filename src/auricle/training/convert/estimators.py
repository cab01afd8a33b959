"""From a fitted estimator to an ONNX graph; the only room that imports skl2onnx.

skl2onnx converts the base learner. What is auricle's own (scaling, the kernel machines) becomes plain operators here,
in the very arithmetic of its Python: float32 for scaling, float64 for kernels.
"""

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.pipeline import Pipeline

from auricle.bundles.graph import Graph
from auricle.bundles.graph_builder import OPSETS, GraphBuilder, Value
from auricle.errors import BundleError, ConversionError
from auricle.models.blend import FLOOR, BlendClassifier, BlendRegressor
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.family import Estimator
from auricle.models.preprocessing import SelectColumns, Standardize
from auricle.models.svm import KernelSVC, KernelSVR, pair_signs
from auricle.training.convert.cnn import convert_cnn

__all__ = ["MAX_DIFFERENCE", "MAX_NETWORK_DIFFERENCE", "convert", "verify"]

MAX_DIFFERENCE = 1e-5
"""Largest difference between an estimator's answer and its graph's: of a probability, or of a standardised number."""

MAX_NETWORK_DIFFERENCE = 1e-4
"""The same of a network, whose float32 sums another library adds in another order."""

_AT_ONCE = 256  # rows: those of images are long, and what a network makes of them is longer


def _columns(graph: GraphBuilder, rows: Value, step: SelectColumns) -> Value:
    return graph.node("Gather", rows, step.indices_, axis=1)


def _standardize(graph: GraphBuilder, rows: Value, step: Standardize) -> Value:
    centred = graph.node("Sub", rows, step.mean_)
    scaled = graph.node("Mul", centred, step.inverse_deviation_)
    limit = np.float32(step.limit)
    return graph.node("Clip", scaled, -limit, limit)


def _kernel(graph: GraphBuilder, rows: Value, step: KernelSVC | KernelSVR) -> Value:
    """Add ``exp(-gamma |x - c|²)``: float64, shape (n, n_support)."""
    rows = graph.cast(rows, np.float64)
    centres = step.support_vectors_
    own = graph.node("ReduceSumSquare", rows, np.array([1]), keepdims=1)
    cross = graph.node("MatMul", rows, -2.0 * centres.T)
    squares = graph.node("Add", graph.node("Add", own, (centres**2).sum(axis=1)), cross)
    squares = graph.node("Max", squares, np.float64(0.0))
    return graph.node("Exp", graph.node("Mul", squares, np.float64(-step.gamma_)))


def _kernel_classifier(graph: GraphBuilder, rows: Value, step: KernelSVC) -> Value:
    margins = graph.node("MatMul", _kernel(graph, rows, step), step.pair_weights_)
    doubled = graph.node("Mul", graph.node("Add", margins, step.pair_intercepts_), np.float64(2.0))
    speaks_for, speaks_against = pair_signs(len(step.classes_))
    # log_expit(x) = -softplus(-x)
    lost = graph.node("Softplus", graph.node("Neg", doubled))
    won = graph.node("Softplus", doubled)
    against = graph.node("Add", graph.node("MatMul", lost, speaks_for), graph.node("MatMul", won, speaks_against))
    scores = graph.node("Mul", against, np.float64(-2.0 / len(step.classes_)))
    return graph.cast(graph.node("Softmax", scores, axis=1), np.float32)


def _kernel_regressor(graph: GraphBuilder, rows: Value, step: KernelSVR) -> Value:
    value = graph.node("MatMul", _kernel(graph, rows, step), step.weights_[:, None])
    return graph.cast(graph.node("Add", value, np.float64(step.intercept_)), np.float32)


OWN: dict[type, Callable[[GraphBuilder, Value, Any], Value]] = {
    SelectColumns: _columns,
    Standardize: _standardize,
    KernelSVC: _kernel_classifier,
    KernelSVR: _kernel_regressor,
    CnnClassifier: convert_cnn,
    CnnRegressor: convert_cnn,
}


def _borrowed(graph: GraphBuilder, rows: Value, step: Any, answer: Literal["probabilities", "value"]) -> Value:
    """Let skl2onnx convert a step, and graft its graph."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    is_last = hasattr(step, "predict")
    options = {id(step): {"zipmap": False}} if is_last and answer == "probabilities" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations; what matters is verified below
        part = to_onnx(
            step,
            initial_types=[("rows", FloatTensorType([None, getattr(step, "n_features_in_", None)]))],
            options=options,
            target_opset=OPSETS,
        ).graph
    outputs = [output.name for output in part.output]
    chosen = "probabilities" if is_last and answer == "probabilities" else outputs[0]
    if chosen not in outputs:
        raise ConversionError(
            f"{type(step).__name__} must give probabilities (`predict_proba`). Its graph gives {outputs}."
        )
    return graph.graft(part, rows, output=chosen)


def _answer(estimator: Estimator) -> Literal["probabilities", "value"]:
    return "probabilities" if hasattr(estimator, "classes_") else "value"


def _write(graph: GraphBuilder, rows: Value, estimator: Estimator) -> Value:
    """Add an estimator, a pipeline or a blend; return what it predicts of rows."""
    if isinstance(estimator, BlendClassifier | BlendRegressor):
        return _blend(graph, rows, estimator)
    for step in [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]:
        if step == "passthrough":
            continue
        try:
            if isinstance(step, Pipeline):
                rows = _write(graph, rows, step)
            elif type(step) in OWN:
                rows = OWN[type(step)](graph, rows, step)
            else:
                rows = _borrowed(graph, rows, step, _answer(estimator))
        except ConversionError:
            raise
        except Exception as error:  # skl2onnx raises whatever its converters raise
            raise ConversionError(
                f"Every step of a model must have an ONNX form; {type(step).__name__} has none that skl2onnx can write "
                f"({type(error).__name__}: {str(error).partition(chr(10))[0]}). Use another estimator."
            ) from error
    return rows


def _blend(graph: GraphBuilder, rows: Value, blend: BlendClassifier | BlendRegressor) -> Value:
    parts = []
    is_classifier = isinstance(blend, BlendClassifier)
    for member, weight in zip(blend.members_, blend.weights, strict=True):
        answer = graph.cast(_write(graph, rows, member), np.float64)
        if is_classifier:
            answer = graph.node("Log", graph.node("Max", answer, np.float64(FLOOR)))
        else:
            answer = graph.node("Reshape", answer, np.array([-1, 1]))
        parts.append(graph.node("Mul", answer, np.float64(weight)))
    total = graph.node("Sum", *parts)
    return graph.cast(graph.node("Softmax", total, axis=1) if is_classifier else total, np.float32)


def convert(estimator: Estimator, n_columns: int) -> bytes:
    """Write a fitted estimator, a pipeline or a blend of them, as an ONNX graph.

    Parameters
    ----------
    estimator : fitted; a classifier with ``predict_proba``, or a regressor
    n_columns : columns of a row

    Returns
    -------
    the serialised graph: ``rows`` float32 (n, n_columns) → ``probabilities`` float32 (n, n_classes) in the order of
    ``estimator.classes_``, or ``value`` float32 (n, 1)

    Raises
    ------
    ConversionError : a step has no ONNX form; the step is named
    """
    answer = _answer(estimator)
    n_answers = len(estimator.classes_) if answer == "probabilities" else 1  # type: ignore[attr-defined]  # a classifier's
    graph = GraphBuilder()
    value = graph.node("Reshape", _write(graph, "rows", estimator), np.array([-1, n_answers]))
    return graph.serialize(
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, n_columns])],
        [(helper.make_tensor_value_info(answer, TensorProto.FLOAT, [None, n_answers]), value)],
    )


def verify(graph: bytes, estimator: Estimator, rows: NDArray[np.float32], *, limit: float = MAX_DIFFERENCE) -> float:
    """Compare a graph with its estimator on rows; return the largest difference of a probability or number.

    Parameters
    ----------
    graph : from :func:`convert`
    rows : float32, shape (n, d)
    limit : the difference that is allowed

    Raises
    ------
    ConversionError : the graph does not run, or a difference is above ``limit``; the estimator is named
    """
    if hasattr(estimator, "predict_proba"):
        expected = estimator.predict_proba(rows)
    else:
        expected = np.asarray(estimator.predict(rows)).reshape(-1, 1)
    try:
        model = Graph(graph)
        answers = [model.predict(rows[start : start + _AT_ONCE]) for start in range(0, len(rows), _AT_ONCE)]
        difference = float(np.abs(np.concatenate(answers) - expected).max())
    except BundleError as error:
        raise ConversionError(f"The ONNX graph of {estimator!r} must run in onnxruntime. {error}") from error
    if not difference <= limit:
        raise ConversionError(
            f"The ONNX graph of {estimator!r} must answer within {limit:g} of the estimator. "
            f"It differs by {difference:.2g} on {len(rows)} rows. Use another estimator or other settings."
        )
    return difference
