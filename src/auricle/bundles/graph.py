"""Run a model's ONNX graph; every answer that auricle gives comes through here."""

from typing import Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from auricle.errors import BundleError
from auricle.features.embeddings.onnx_session import keeps_weights_elsewhere, session_options

__all__ = ["Graph"]


class Graph:
    """A graph from rows to probabilities (``answer == "probabilities"``) or to a number (``"value"``).

    One thread an answer: recordings run side by side, and one row must not wait for a pool.

    Parameters
    ----------
    serialised : an ONNX model without external data

    Raises
    ------
    BundleError : the bytes are no graph of this shape
    """

    answer: Literal["probabilities", "value"]

    def __init__(self, serialised: bytes) -> None:
        if keeps_weights_elsewhere(serialised):
            raise BundleError("The model's graph must hold its weights. This one keeps them in other files.")
        try:
            self._session = onnxruntime.InferenceSession(
                serialised, session_options(), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            raise BundleError(f"The model's graph must load in onnxruntime. It does not: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        width = inputs[0].shape[-1] if len(inputs) == 1 else None
        forms = [(i.name, i.type, len(i.shape)) for i in (*inputs, *outputs)]
        known = [[("rows", "tensor(float)", 2), (answer, "tensor(float)", 2)] for answer in ("probabilities", "value")]
        if forms not in known or not isinstance(width, int):
            raise BundleError(
                "The model's graph must go from `rows`, float32 of a fixed width, to `probabilities` or `value`. "
                f"It goes from {_shown(inputs)} to {_shown(outputs)}."
            )
        self.n_columns = width
        self.output = outputs[0].name

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities, shape (n, n_classes), or the numbers, shape (n, 1), of rows, shape (n, d)."""
        (answers,) = self._session.run(None, {"rows": np.ascontiguousarray(rows, dtype=np.float32)})
        return np.asarray(answers, dtype=np.float32)


def _shown(values: list[Any]) -> str:
    return ", ".join(f"`{value.name}` {value.type} {value.shape}" for value in values)
