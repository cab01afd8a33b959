"""Conversion of a fitted estimator, pipeline or blend to an ONNX graph, and its verification on rows.

skl2onnx converts scikit-learn's learners. auricle's own steps (scaling, the kernel machines) become plain operators, in
the arithmetic of their Python: float32 for scaling, float64 for kernels.
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
"""Largest difference between an estimator and its graph: of a probability, or of a standardised number."""

MAX_NETWORK_DIFFERENCE = 1e-4
"""The same for a network, since torch and onnxruntime add float32 sums in different orders."""

_BATCH_ROWS = 256  # rows of images are long, and the activations of a network are longer


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
    norms = graph.node("ReduceSumSquare", rows, np.array([1]), keepdims=1)
    cross = graph.node("MatMul", rows, -2.0 * centres.T)
    squares = graph.node("Add", graph.node("Add", norms, (centres**2).sum(axis=1)), cross)
    squares = graph.node("Max", squares, np.float64(0.0))
    return graph.node("Exp", graph.node("Mul", squares, np.float64(-step.gamma_)))


def _kernel_classifier(graph: GraphBuilder, rows: Value, step: KernelSVC) -> Value:
    margins = graph.node("MatMul", _kernel(graph, rows, step), step.pair_weights_)
    doubled = graph.node("Mul", graph.node("Add", margins, step.pair_intercepts_), np.float64(2.0))
    first_of_pair, second_of_pair = pair_signs(len(step.classes_))
    # log_expit(x) = -softplus(-x)
    lost = graph.node("Softplus", graph.node("Neg", doubled))
    won = graph.node("Softplus", doubled)
    against = graph.node("Add", graph.node("MatMul", lost, first_of_pair), graph.node("MatMul", won, second_of_pair))
    scores = graph.node("Mul", against, np.float64(-2.0 / len(step.classes_)))
    return graph.cast(graph.node("Softmax", scores, axis=1), np.float32)


def _kernel_regressor(graph: GraphBuilder, rows: Value, step: KernelSVR) -> Value:
    value = graph.node("MatMul", _kernel(graph, rows, step), step.weights_[:, None])
    return graph.cast(graph.node("Add", value, np.float64(step.intercept_)), np.float32)


_CONVERTERS: dict[type, Callable[[GraphBuilder, Value, Any], Value]] = {
    SelectColumns: _columns,
    Standardize: _standardize,
    KernelSVC: _kernel_classifier,
    KernelSVR: _kernel_regressor,
    CnnClassifier: convert_cnn,
    CnnRegressor: convert_cnn,
}


def _skl2onnx_step(graph: GraphBuilder, rows: Value, step: Any, output: Literal["probabilities", "value"]) -> Value:
    """Convert a step by skl2onnx, and graft its graph."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    is_last = hasattr(step, "predict")
    options = {id(step): {"zipmap": False}} if is_last and output == "probabilities" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations; the graph itself is verified below
        part = to_onnx(
            step,
            initial_types=[("rows", FloatTensorType([None, getattr(step, "n_features_in_", None)]))],
            options=options,
            target_opset=OPSETS,
        ).graph
    outputs = [value.name for value in part.output]
    chosen = "probabilities" if is_last and output == "probabilities" else outputs[0]
    if chosen not in outputs:
        raise ConversionError(
            f"{type(step).__name__} must give probabilities (`predict_proba`). Its graph gives {outputs}."
        )
    return graph.graft(part, rows, output=chosen)


def _output_name(estimator: Estimator) -> Literal["probabilities", "value"]:
    return "probabilities" if hasattr(estimator, "classes_") else "value"


def _add(graph: GraphBuilder, rows: Value, estimator: Estimator) -> Value:
    """Add an estimator, a pipeline or a blend to the graph; return its predictions of rows."""
    if isinstance(estimator, BlendClassifier | BlendRegressor):
        return _blend(graph, rows, estimator)
    for step in [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]:
        if step == "passthrough":
            continue
        try:
            if isinstance(step, Pipeline):
                rows = _add(graph, rows, step)
            elif type(step) in _CONVERTERS:
                rows = _CONVERTERS[type(step)](graph, rows, step)
            else:
                rows = _skl2onnx_step(graph, rows, step, _output_name(estimator))
        except ConversionError:
            raise
        except Exception as error:  # the converters of skl2onnx may raise anything
            raise ConversionError(
                f"Every step of a model must have an ONNX form; {type(step).__name__} has none that skl2onnx can write "
                f"({type(error).__name__}: {str(error).partition(chr(10))[0]}). Use another estimator."
            ) from error
    return rows


def _blend(graph: GraphBuilder, rows: Value, blend: BlendClassifier | BlendRegressor) -> Value:
    terms = []
    is_classifier = isinstance(blend, BlendClassifier)
    for member, weight in zip(blend.members_, blend.weights, strict=True):
        values = graph.cast(_add(graph, rows, member), np.float64)
        if is_classifier:
            values = graph.node("Log", graph.node("Max", values, np.float64(FLOOR)))
        else:
            values = graph.node("Reshape", values, np.array([-1, 1]))
        terms.append(graph.node("Mul", values, np.float64(weight)))
    total = graph.node("Sum", *terms)
    return graph.cast(graph.node("Softmax", total, axis=1) if is_classifier else total, np.float32)


def convert(estimator: Estimator, n_columns: int) -> bytes:
    """Convert a fitted estimator, a pipeline or a blend of them to an ONNX graph.

    Parameters
    ----------
    estimator : Estimator
        Fitted: a classifier with ``predict_proba``, or a regressor.
    n_columns : int
        Columns of a row.

    Returns
    -------
    bytes
        The serialised graph: ``rows`` float32 (n, n_columns) → ``probabilities`` float32 (n, n_classes) in the order
        of ``estimator.classes_``, or ``value`` float32 (n, 1).

    Raises
    ------
    ConversionError : a step has no ONNX form; the step is named
    """
    output = _output_name(estimator)
    n_outputs = len(estimator.classes_) if output == "probabilities" else 1  # type: ignore[attr-defined]  # a classifier's
    graph = GraphBuilder()
    value = graph.node("Reshape", _add(graph, "rows", estimator), np.array([-1, n_outputs]))
    return graph.serialize(
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, n_columns])],
        [(helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, n_outputs]), value)],
    )


def verify(graph: bytes, estimator: Estimator, rows: NDArray[np.float32], *, limit: float = MAX_DIFFERENCE) -> float:
    """Compare a graph with its estimator on rows; return the largest difference of a probability or number.

    Parameters
    ----------
    graph : bytes
        From :func:`convert`.
    estimator : Estimator
    rows : float32, shape (n, d)
    limit : float
        Largest difference allowed.

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
        predictions = [model.predict(rows[start : start + _BATCH_ROWS]) for start in range(0, len(rows), _BATCH_ROWS)]
        difference = float(np.abs(np.concatenate(predictions) - expected).max())
    except BundleError as error:
        raise ConversionError(f"The ONNX graph of {estimator!r} must run in onnxruntime. {error}") from error
    if not difference <= limit:
        raise ConversionError(
            f"The ONNX graph of {estimator!r} must predict within {limit:g} of the estimator. "
            f"It differs by {difference:.2g} on {len(rows)} rows. Use another estimator or other settings."
        )
    return difference
