"""Graphs of fitted networks predict as torch does, in plain ONNX operators."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from auricle.bundles.graph_builder import GraphBuilder
from auricle.models.cnn.estimator import CnnClassifier, CnnRegressor
from auricle.training.convert.cnn import convert_cnn
from auricle.training.convert.estimators import convert, verify

pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")


def run(model: Any, X: np.ndarray) -> np.ndarray:
    graph = GraphBuilder()
    serialised = graph.serialize(
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, X.shape[1]])],
        [
            (
                helper.make_tensor_value_info("predictions", TensorProto.FLOAT, [None, None]),
                convert_cnn(graph, "rows", model),
            )
        ],
    )
    onnx.checker.check_model(serialised)
    session = onnxruntime.InferenceSession(serialised, providers=["CPUExecutionProvider"])
    return session.run(None, {"rows": X})[0]


@pytest.mark.parametrize(("size", "n_networks"), [("tiny", 2), ("small", 1), ("medium", 1)])
def test_probabilities_equal_torch(images: Any, quick: dict[str, Any], size: str, n_networks: int) -> None:
    X, y, _ = images(32)
    model = CnnClassifier(**quick | {"epochs": 1, "size": size, "n_networks": n_networks}).fit(X, y)
    np.testing.assert_allclose(run(model, X), model.predict_proba(X), atol=1e-5)


def test_probabilities_of_wide_images_equal_torch(rng: np.random.Generator, quick: dict[str, Any]) -> None:
    X = rng.normal(-40, 10, (8, 16 * 200)).astype(np.float32)
    model = CnnClassifier(**quick | {"epochs": 1, "shape": (16, 200)}).fit(X, np.arange(8) % 2)
    np.testing.assert_allclose(run(model, X), model.predict_proba(X), atol=1e-5)


def test_numbers_equal_torch(images: Any, quick: dict[str, Any]) -> None:
    X, _, positions = images(32)
    model = CnnRegressor(**quick | {"epochs": 2}).fit(X, positions)
    np.testing.assert_allclose(run(model, X)[:, 0], model.predict(X), atol=1e-4)


def test_one_row_and_many_give_the_same(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(16)
    model = CnnClassifier(**quick | {"epochs": 2}).fit(X, y)
    np.testing.assert_allclose(np.concatenate([run(model, row[None]) for row in X]), run(model, X), atol=1e-6)


def test_weights_are_all_in_the_graph(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(16)
    model = CnnClassifier(**quick | {"epochs": 1}).fit(X, y)
    graph = GraphBuilder()
    convert_cnn(graph, "rows", model)
    convolutions = [node for node in graph.nodes if node.op_type == "Conv"]
    assert len(convolutions) == 1 + 3 * 3
    assert all(not tensor.external_data for tensor in graph.constants.values())
    assert not [node for node in graph.nodes if node.op_type == "BatchNormalization"]
    assert all(np.isfinite(numpy_helper.to_array(tensor)).all() for tensor in graph.constants.values())


def test_a_network_and_its_graph_agree(images: Any, quick: dict[str, Any]) -> None:
    X, y, _ = images(16)
    model = CnnClassifier(**quick | {"epochs": 1}).fit(X, y)
    assert verify(convert(model, X.shape[1]), model, X) <= 1e-5
