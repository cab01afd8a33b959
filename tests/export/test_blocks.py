"""Exported models of images, alone or with pooled features, predict as their bundles do."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from auricle.audio.clip import Clip
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.bundles.graph_builder import OPSET, GraphBuilder
from auricle.errors import ExportError
from auricle.export.blocks import image
from auricle.export.card import INPUT
from auricle.export.graph import build_graph
from auricle.export.verification import check
from auricle.features.image import Image, image_spec
from auricle.prediction.predictor import Predictor


def linear_graph(n_columns: int, n_classes: int) -> bytes:
    """Return a linear model of any row with random weights and a softmax."""
    rng = np.random.default_rng(3)
    weights = (rng.standard_normal((n_columns, n_classes)) / n_columns).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["rows", "weights"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        ],
        "linear",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", n_columns])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", n_classes])],
        [numpy_helper.from_array(weights, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8).SerializeToString()


def with_parts(bundle: Bundle, parts: tuple[str, ...], *, rate_hz: int = 8000) -> Bundle:
    """Return the bundle with a model of other blocks."""
    manifest = bundle.manifest.model_copy(update={"parts": parts, "image": image_spec(rate_hz, 0.25)})
    bundle = replace(bundle, manifest=manifest)
    features = bundle.features()
    graph = linear_graph(len(features.columns), len(manifest.classes))
    rows = np.stack([features.row(window) for window in bundle.golden.windows])
    golden = replace(bundle.golden, rows=rows, answers=Graph(graph).predict(rows))
    return replace(bundle, graph=graph, golden=golden)


@pytest.mark.parametrize("parts", [("image",), ("pooled", "image"), ("image", "pooled")])
def test_an_exported_model_of_images_predicts_as_the_bundle(
    parts: tuple[str, ...], states: Predictor, rng: np.random.Generator
) -> None:
    bundle = with_parts(states.bundle, parts)
    graph = build_graph(bundle)
    assert check(graph, bundle) < 1e-3
    samples = (0.1 * rng.standard_normal(5000)).astype(np.float32)
    model, session = Predictor(bundle), onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = ["probabilities", "window_probabilities", "window_features"]
    probabilities, window_probabilities, rows = session.run(names, {INPUT: samples})
    recording, windows = model.answers(Clip(samples, 8000))
    assert recording.probabilities is not None
    np.testing.assert_allclose(probabilities, list(recording.probabilities.values()), atol=1e-3)
    assert len(window_probabilities) == len(windows)
    assert rows.shape == (len(windows), bundle.golden.rows.shape[1])


def test_images_at_another_rate_are_refused(states: Predictor) -> None:
    bundle = with_parts(states.bundle, ("image",), rate_hz=4000)
    with pytest.raises(ExportError, match=r"at the rate of the windows, 8000 Hz, .* These are at 4000 Hz"):
        build_graph(bundle)


SPEC = image_spec(16_000, 0.5)


@pytest.mark.parametrize("n", [300, 4000, 7999, 8000, 8001, 11_000, 16_000])
def test_an_image_equals_the_features(run, sound, n):
    samples = sound[:n]
    got = run(lambda graph, value: image(graph, value, SPEC), samples)
    expected = Image(SPEC).row(samples, 16_000)
    assert got.shape == expected.shape
    assert got.dtype == np.float32
    np.testing.assert_allclose(10 ** (got / 10), 10 ** (expected / 10), atol=2e-6 * 10 ** (expected.max() / 10))
    near = expected > expected.max() - 60
    np.testing.assert_allclose(got[near], expected[near], atol=1e-2)


def test_an_image_is_of_the_loudest_stretch(run, rng):
    samples = (1e-3 * rng.standard_normal(16_000)).astype(np.float32)
    samples[9000:12_000] *= 300
    got = run(lambda graph, value: image(graph, value, SPEC), samples)
    np.testing.assert_allclose(got, Image(SPEC).row(samples, 16_000), atol=0.05)


def test_an_image_without_size_is_refused():
    with pytest.raises(ExportError, match="must have a size"):
        image(GraphBuilder(), "samples", SPEC.model_copy(update={"window_s": None}))
