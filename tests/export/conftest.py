"""Run written nodes, from samples to one value, in onnxruntime."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from auricle.bundles.graph_builder import GraphBuilder, Value

RATE_HZ = 16_000

Write = Callable[[GraphBuilder, Value], Value]


def _run(write: Write, samples: np.ndarray) -> np.ndarray:
    graph = GraphBuilder()
    value = write(graph, "samples")
    samples_info = helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["n"])
    model = onnx.load_model_from_string(graph.serialize([samples_info], [(onnx.ValueInfoProto(name="out"), value)]))
    model = onnx.shape_inference.infer_shapes(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (out,) = session.run(None, {"samples": samples})
    return np.asarray(out)


@pytest.fixture(scope="session")
def run() -> Callable[[Write, np.ndarray], np.ndarray]:
    """Return a function that writes nodes after ``samples`` and runs them."""
    return _run


def _sounds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    n = RATE_HZ
    time_s = np.arange(n) / RATE_HZ
    noise = rng.standard_normal(n)
    burst = np.exp(-0.5 * ((time_s - 0.4) / 0.05) ** 2)
    return {
        "noise": 0.1 * noise,
        "tone": 0.5 * np.sin(2 * np.pi * 440 * time_s) + 1e-2 * noise,
        "chirp": 0.5 * np.sin(2 * np.pi * (200 * time_s + 3000 * time_s**2)) + 1e-2 * noise,
        "word": burst * (0.4 * np.sin(2 * np.pi * 300 * time_s) + 0.1 * noise) + 1e-4 * noise,
    }


SOUNDS = {name: samples.astype(np.float32) for name, samples in _sounds().items()}


@pytest.fixture(params=SOUNDS)
def sound(request: pytest.FixtureRequest) -> np.ndarray:
    """One second of synthetic sound at 16 kHz, float32."""
    return SOUNDS[request.param]
