"""Run a model's ONNX graph in onnxruntime, from rows to probabilities or numbers."""

from typing import Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from auricle.errors import BundleError
from auricle.features.embeddings.onnx_claims import faulty_claim
from auricle.features.embeddings.onnx_session import session_options

__all__ = ["Graph"]


class Graph:
    """A graph from rows to probabilities (``output == "probabilities"``) or to a number (``"value"``).

    It runs on one thread: recordings are predicted in parallel, and one row must not wait for a thread pool.

    Parameters
    ----------
    serialised : bytes
        An ONNX model without external data.

    Raises
    ------
    BundleError : not an ONNX graph with this input and output
    """

    output: Literal["probabilities", "value"]

    def __init__(self, serialised: bytes) -> None:
        if (claim := faulty_claim(serialised)) is not None:
            raise BundleError(f"The model's graph must hold its weights. This one {claim}.")
        try:
            self._session = onnxruntime.InferenceSession(
                serialised, session_options(), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            raise BundleError(f"The model's graph must load in onnxruntime. It does not: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        width = inputs[0].shape[-1] if len(inputs) == 1 else None
        forms = [(i.name, i.type, len(i.shape)) for i in (*inputs, *outputs)]
        allowed = [[("rows", "tensor(float)", 2), (name, "tensor(float)", 2)] for name in ("probabilities", "value")]
        if forms not in allowed or not isinstance(width, int):
            raise BundleError(
                "The model's graph must go from `rows`, float32 of a fixed width, to `probabilities` or `value`. "
                f"It goes from {_described(inputs)} to {_described(outputs)}."
            )
        self.n_columns = width
        self.output = outputs[0].name

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities, shape (n, n_classes), or numbers, shape (n, 1), of rows, shape (n, n_columns).

        Raises
        ------
        BundleError : the graph does not run on these rows
        """
        try:
            (outputs,) = self._session.run(None, {"rows": np.ascontiguousarray(rows, dtype=np.float32)})
        except Exception as error:  # such as memory beyond the arena's
            raise BundleError(f"The model's graph must run on a row. It does not: {str(error)[:500]}") from error
        return np.asarray(outputs, dtype=np.float32)


def _described(values: list[Any]) -> str:
    return ", ".join(f"`{value.name}` {value.type} {value.shape}" for value in values)
