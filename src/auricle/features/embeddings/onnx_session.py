"""Run an ONNX graph of one input and one output with onnxruntime, on one thread, from bytes with all weights."""

import os
from functools import lru_cache
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from auricle.errors import ModelError
from auricle.features.embeddings.onnx_claims import faulty_claim

__all__ = ["MAX_ARENA_BYTES", "Session", "session_options"]

_PROVIDERS = ["CPUExecutionProvider"]

MAX_ARENA_BYTES = 2 << 30
"""Memory for the numbers of all graphs of a process: what a graph asks for beyond fails, and is not allocated."""


def session_options() -> onnxruntime.SessionOptions:
    """Return the options of every graph that auricle runs: one thread, bounded memory, no log, no other files."""
    _bound_memory()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.use_env_allocators", "1")
    # External weights are searched here, where there are none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    return options


@lru_cache(maxsize=1)
def _bound_memory() -> None:
    """Give the process one arena of bounded size, once."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(MAX_ARENA_BYTES, -1, -1, -1))


class Session:
    """A graph of one input, and one of its outputs.

    Parameters
    ----------
    serialised : an ONNX model without external data
    source : its file, for errors
    output : the output that is read; None for the first

    Raises
    ------
    ModelError : not an ONNX graph of one float32 input with that output, or its weights lie in other files
    """

    def __init__(self, serialised: bytes, source: str, output: str | None = None) -> None:
        if (claim := faulty_claim(serialised)) is not None:
            raise ModelError(
                f"{source}: a graph must hold its weights. This one {claim}; save it as one file "
                "(`onnx.save_model(model, path, save_as_external_data=False)`)."
            )
        try:
            self._session = onnxruntime.InferenceSession(serialised, session_options(), providers=_PROVIDERS)
        except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions share no base of their own
            reason = str(error).partition("\n")[0]
            raise ModelError(f"{source}: must be an ONNX graph that onnxruntime can run. It is not: {reason}") from None
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        names = [value.name for value in outputs]
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            shown = ", ".join(f"`{value.name}` {value.type} {value.shape}" for value in inputs)
            raise ModelError(f"{source}: a graph must have one input of float32. This one has {shown or 'none'}.")
        if output is not None and output not in names:
            raise ModelError(f"{source}: the card's output {output!r} must be among the graph's: {', '.join(names)}.")
        self._source = source
        self._input = inputs[0].name
        self._output = names[0] if output is None else output
        self.shape: list[Any] = list(inputs[0].shape)

    def check_shape(self, wanted: tuple[int | None, ...]) -> None:
        """Check that the graph's input accepts a shape; None stands for any size.

        Raises
        ------
        ModelError : another rank, or another fixed size
        """
        fits = len(self.shape) == len(wanted) and all(
            not isinstance(has, int) or need is None or has == need
            for has, need in zip(self.shape, wanted, strict=True)
        )
        if not fits:
            shown = ["any" if need is None else need for need in wanted]
            raise ModelError(f"{self._source}: the card says that the graph takes {shown}. It takes {self.shape}.")

    def run(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output for one input.

        Raises
        ------
        ModelError : the graph fails on it
        """
        try:
            (output,) = self._session.run([self._output], {self._input: np.ascontiguousarray(array)})
        except Exception as error:  # noqa: BLE001 - as above
            reason = str(error).partition("\n")[0]
            raise ModelError(f"{self._source}: the graph must run on {array.shape}. It fails: {reason}") from None
        return np.asarray(output, np.float32)
