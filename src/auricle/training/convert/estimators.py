"""From a fitted estimator to an ONNX graph; the only room that imports skl2onnx.

skl2onnx converts the base learner. What is auricle's own (scaling, the kernel machines) becomes plain operators here,
in the very arithmetic of its Python: float32 for scaling, float64 for kernels.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.pipeline import Pipeline

from auricle.bundles.graph import Graph
from auricle.errors import BundleError, ConversionError
from auricle.models.blend import FLOOR, BlendClassifier, BlendRegressor
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.models.family import Estimator
from auricle.models.preprocessing import SelectColumns, Standardize
from auricle.models.svm import KernelSVC, KernelSVR, pair_signs
from auricle.training.convert.cnn import write as write_cnn

__all__ = ["MAX_DIFFERENCE", "MAX_NETWORK_DIFFERENCE", "convert", "verify"]

MAX_DIFFERENCE = 1e-5
"""Largest difference between an estimator's answer and its graph's: of a probability, or of a standardised number."""

MAX_NETWORK_DIFFERENCE = 1e-4
"""The same of a network, whose float32 sums another library adds in another order."""

_AT_ONCE = 256  # rows: those of images are long, and what a network makes of them is longer

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]


@dataclass
class Draft:
    """A graph while it is written: nodes and constants, and the name and columns of what the next node reads."""

    width: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    head: str = "rows"

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        """Add a constant; return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add one operator; return the name of its result."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def cast(self, value: str, to: int) -> str:
        """Add a conversion of type; return the name of its result."""
        return self.node("Cast", value, to=to)


def _columns(draft: Draft, step: SelectColumns) -> None:
    draft.head = draft.node("Gather", draft.head, draft.constant(step.indices_), axis=1)
    draft.width = len(step.indices_)


def _standardize(draft: Draft, step: Standardize) -> None:
    centred = draft.node("Sub", draft.head, draft.constant(step.mean_))
    scaled = draft.node("Mul", centred, draft.constant(step.inverse_deviation_))
    limit = np.float32(step.limit)
    draft.head = draft.node("Clip", scaled, draft.constant(-limit), draft.constant(limit))


def _kernel(draft: Draft, step: KernelSVC | KernelSVR) -> str:
    """Write ``exp(-gamma |x - c|²)``; the name of a float64 value, shape (n, n_support)."""
    rows = draft.cast(draft.head, TensorProto.DOUBLE)
    centres = step.support_vectors_
    own = draft.node("ReduceSumSquare", rows, draft.constant(np.array([1], np.int64)), keepdims=1)
    cross = draft.node("MatMul", rows, draft.constant(-2.0 * centres.T))
    squares = draft.node("Add", draft.node("Add", own, draft.constant((centres**2).sum(axis=1))), cross)
    squares = draft.node("Max", squares, draft.constant(np.float64(0.0)))
    return draft.node("Exp", draft.node("Mul", squares, draft.constant(np.float64(-step.gamma_))))


def _kernel_classifier(draft: Draft, step: KernelSVC) -> None:
    margins = draft.node("MatMul", _kernel(draft, step), draft.constant(step.pair_weights_))
    margins = draft.node("Add", margins, draft.constant(step.pair_intercepts_))
    doubled = draft.node("Mul", margins, draft.constant(np.float64(2.0)))
    speaks_for, speaks_against = pair_signs(len(step.classes_))
    # log_expit(x) = -softplus(-x)
    lost = draft.node("Softplus", draft.node("Neg", doubled))
    won = draft.node("Softplus", doubled)
    against = draft.node(
        "Add",
        draft.node("MatMul", lost, draft.constant(speaks_for)),
        draft.node("MatMul", won, draft.constant(speaks_against)),
    )
    scores = draft.node("Mul", against, draft.constant(np.float64(-2.0 / len(step.classes_))))
    draft.head = draft.cast(draft.node("Softmax", scores, axis=1), TensorProto.FLOAT)


def _kernel_regressor(draft: Draft, step: KernelSVR) -> None:
    value = draft.node("MatMul", _kernel(draft, step), draft.constant(step.weights_[:, None]))
    value = draft.node("Add", value, draft.constant(np.float64(step.intercept_)))
    draft.head = draft.cast(value, TensorProto.FLOAT)


OWN: dict[type, Callable[[Draft, Any], None]] = {
    SelectColumns: _columns,
    Standardize: _standardize,
    KernelSVC: _kernel_classifier,
    KernelSVR: _kernel_regressor,
    CnnClassifier: write_cnn,
    CnnRegressor: write_cnn,
}


def _borrowed(draft: Draft, step: Any, answer: Literal["probabilities", "value"]) -> None:
    """Let skl2onnx convert a step, and graft its graph onto the draft."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    is_last = hasattr(step, "predict")
    options = {id(step): {"zipmap": False}} if is_last and answer == "probabilities" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations; what matters is verified below
        part = to_onnx(
            step,
            initial_types=[("rows", FloatTensorType([None, draft.width]))],
            options=options,
            target_opset={"": 18, "ai.onnx.ml": 3},
        ).graph
    outputs = [output.name for output in part.output]
    chosen = "probabilities" if is_last and answer == "probabilities" else outputs[0]
    if chosen not in outputs:
        raise ConversionError(
            f"{type(step).__name__} must give probabilities (`predict_proba`). Its graph gives {outputs}."
        )
    fresh = (f"step{len(draft.nodes)}_{number}" for number in count())
    names = {"": "", part.input[0].name: draft.head}
    _rename(part, names, fresh)
    draft.constants.extend(part.initializer)
    draft.nodes.extend(part.node)
    draft.head = names[chosen]


def _rename(graph: onnx.GraphProto, names: dict[str, str], fresh: Iterator[str]) -> None:
    """Name every value by its place: skl2onnx's names count what a process has converted, and no two graphs are equal.

    Parameters
    ----------
    names : names of values that are known outside the graph; those of the graph are added
    fresh : names that nothing has yet
    """
    for constant in graph.initializer:
        names[constant.name] = next(fresh)
        constant.name = names[constant.name]
    for node in graph.node:
        node.name = ""
        node.input[:] = [names[name] for name in node.input]
        for body in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
            inner = dict(names)
            for value in body.input:
                inner[value.name] = next(fresh)
                value.name = inner[value.name]
            _rename(body, inner, fresh)
            for value in body.output:
                value.name = inner[value.name]
        names.update((name, next(fresh)) for name in node.output if name)
        node.output[:] = [names[name] for name in node.output]


def _answer(estimator: Estimator) -> Literal["probabilities", "value"]:
    return "probabilities" if hasattr(estimator, "classes_") else "value"


def _write(draft: Draft, estimator: Estimator) -> None:
    """Write an estimator, a pipeline or a blend, from the draft's head on."""
    if isinstance(estimator, BlendClassifier | BlendRegressor):
        _blend(draft, estimator)
        return
    for step in [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]:
        if step == "passthrough":
            continue
        try:
            if isinstance(step, Pipeline):
                _write(draft, step)
            elif type(step) in OWN:
                OWN[type(step)](draft, step)
            else:
                _borrowed(draft, step, _answer(estimator))
        except ConversionError:
            raise
        except Exception as error:  # skl2onnx raises whatever its converters raise
            raise ConversionError(
                f"Every step of a model must have an ONNX form; {type(step).__name__} has none that skl2onnx can write "
                f"({type(error).__name__}: {str(error).partition(chr(10))[0]}). Use another estimator."
            ) from error


def _blend(draft: Draft, blend: BlendClassifier | BlendRegressor) -> None:
    rows, width, parts = draft.head, draft.width, []
    is_classifier = isinstance(blend, BlendClassifier)
    for member, weight in zip(blend.members_, blend.weights, strict=True):
        draft.head, draft.width = rows, width
        _write(draft, member)
        answer = draft.cast(draft.head, TensorProto.DOUBLE)
        if is_classifier:
            answer = draft.node("Log", draft.node("Max", answer, draft.constant(np.float64(FLOOR))))
        else:
            answer = draft.node("Reshape", answer, draft.constant(np.array([-1, 1])))
        parts.append(draft.node("Mul", answer, draft.constant(np.float64(weight))))
    total = draft.node("Sum", *parts)
    draft.head = draft.cast(draft.node("Softmax", total, axis=1) if is_classifier else total, TensorProto.FLOAT)


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
    draft = Draft(n_columns)
    _write(draft, estimator)
    n_answers = len(estimator.classes_) if answer == "probabilities" else 1  # type: ignore[attr-defined]  # a classifier's
    draft.nodes.append(helper.make_node("Reshape", [draft.head, draft.constant(np.array([-1, n_answers]))], [answer]))
    graph = helper.make_graph(
        draft.nodes,
        "auricle",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, n_columns])],
        [helper.make_tensor_value_info(answer, TensorProto.FLOAT, [None, n_answers])],
        draft.constants,
    )
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=8, producer_name="auricle")
    return bytes(model.SerializeToString(deterministic=True))


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
        answers = [model.answers(rows[start : start + _AT_ONCE]) for start in range(0, len(rows), _AT_ONCE)]
        difference = float(np.abs(np.concatenate(answers) - expected).max())
    except BundleError as error:
        raise ConversionError(f"The ONNX graph of {estimator!r} must run in onnxruntime. {error}") from error
    if not difference <= limit:
        raise ConversionError(
            f"The ONNX graph of {estimator!r} must answer within {limit:g} of the estimator. "
            f"It differs by {difference:.2g} on {len(rows)} rows. Use another estimator or other settings."
        )
    return difference
