"""The exported graph predicts as the predictor, for classes and numbers, for one window and for many."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from auricle.audio.clip import Clip
from auricle.audio.decode import read
from auricle.bundles.bundle import Bundle
from auricle.export.card import INPUT
from auricle.export.graph import build_graph
from auricle.records import Prediction

STANDARD = {"", "ai.onnx.ml"}


class Exported:
    """A graph in onnxruntime."""

    def __init__(self, bundle: Bundle) -> None:
        self.serialised = build_graph(bundle)
        self.session = onnxruntime.InferenceSession(self.serialised, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def __call__(self, samples: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self.names, self.session.run(None, {INPUT: samples}), strict=True))


@pytest.fixture(scope="module")
def exported_states(states):
    return Exported(states.bundle)


@pytest.fixture(scope="module")
def exported_speeds(speeds):
    return Exported(speeds.bundle)


def clips_of(machine_sounds):
    """Yield some recordings, one of many windows, and one shorter than a window."""
    files = sorted(machine_sounds.parent.rglob("*.wav"))
    yield from (read(file) for file in files[::3])
    yield Clip(np.concatenate([read(file).samples for file in files[:4]]), 8000)
    yield Clip(read(files[0]).samples[:1000], 8000)


def compare_classes(found: dict[str, np.ndarray], prefix: str, expected: list[Prediction], classes) -> None:
    probabilities = np.array([list(prediction.probabilities.values()) for prediction in expected])
    np.testing.assert_allclose(found[f"{prefix}probabilities"].reshape(probabilities.shape), probabilities, atol=1e-3)
    assert [classes[i] for i in np.ravel(found[f"{prefix}class"])] == [prediction.label for prediction in expected]
    compare_novelty(found, prefix, expected)


def compare_novelty(found: dict[str, np.ndarray], prefix: str, expected: list[Prediction]) -> None:
    np.testing.assert_allclose(
        np.ravel(found[f"{prefix}novelty"]), [prediction.novelty for prediction in expected], atol=1e-2
    )
    assert np.ravel(found[f"{prefix}unknown"]).tolist() == [prediction.unknown for prediction in expected]


def test_class_predictions_equal_the_predictors(exported_states, states, machine_sounds):
    for clip in clips_of(machine_sounds):
        found = exported_states(clip.samples)
        recording, windows = states.answers(clip)
        compare_classes(found, "", [recording], states.classes)
        compare_classes(found, "window_", windows, states.classes)
        if recording.labels is not None:
            possible = {name for name, is_in in zip(states.classes, found["possible"], strict=True) if is_in}
            assert possible == set(recording.labels)
        np.testing.assert_allclose(found["window_start"] / 8000, [window.start_s for window in windows], atol=1e-9)


def test_number_predictions_equal_the_predictors(exported_speeds, speeds, machine_sounds):
    deviation = speeds.bundle.manifest.target.deviation
    for clip in clips_of(machine_sounds):
        found = exported_speeds(clip.samples)
        recording, windows = speeds.answers(clip)
        np.testing.assert_allclose(found["value"], recording.value, atol=1e-3 * deviation)
        np.testing.assert_allclose(found["interval"], recording.interval, atol=1e-3 * deviation)
        np.testing.assert_allclose(found["window_value"], [window.value for window in windows], atol=1e-3 * deviation)
        compare_novelty(found, "", [recording])
        compare_novelty(found, "window_", windows)


def test_the_graph_is_valid_and_of_standard_operators(exported_states):
    model = onnx.load_model_from_string(exported_states.serialised)
    onnx.checker.check_model(model, full_check=True)
    assert not model.functions

    def domains(graph):
        for node in graph.node:
            yield node.domain
            for attribute in node.attribute:
                yield from domains(attribute.g) if attribute.HasField("g") else ()

    assert set(domains(model.graph)) <= STANDARD


def test_the_graph_holds_its_card_as_metadata(exported_states, states):
    metadata = exported_states.session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == list(states.classes)
    assert json.loads(metadata["input"])["rate_hz"] == 8000
    for output in exported_states.session.get_outputs():
        assert output.shape == json.loads(metadata["outputs"])[output.name]["shape"]
    model = onnx.load_model_from_string(exported_states.serialised)
    assert all(value.doc_string for value in (*model.graph.input, *model.graph.output))


def test_equal_bundles_give_equal_graphs(exported_states, states):
    assert build_graph(states.bundle) == exported_states.serialised
