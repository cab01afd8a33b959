"""The promises that are made on real recordings; skipped where those are not at hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from auricle.audio.decode import read
from auricle.audio.resample import resample
from auricle.bundles.aggregation import predicted_class
from auricle.datasets.dataset import Dataset
from auricle.export.card import INPUT
from auricle.export.graph import build_graph
from auricle.prediction.predictor import Predictor
from auricle.training.train import TrainResult, train

pytestmark = pytest.mark.recordings

# How each set is honestly split, and the least that is asked of the best family, as in benchmarks/quality.py.
SETS = {
    "esc10": ({"fold": "fold"}, 0.90),
    "commands": ({"group": "speaker"}, 0.85),
    "fsdd": ({"group": "speaker"}, 0.84),
}


@pytest.fixture(scope="module", params=SETS)
def trained(request: pytest.FixtureRequest, recordings_dir: Path) -> tuple[TrainResult, Predictor, float]:
    options, least = SETS[request.param]
    dataset = Dataset.load(recordings_dir / request.param, **options)
    if request.param == "commands":  # half of them hold the floor too
        dataset = replace(dataset, examples=dataset.examples[::2])
    # One family that holds the floor of every set; benchmarks/quality.py measures them all.
    result = train(dataset, models="linear")
    return result, Predictor(result.bundle), least


def test_the_score_is_at_least_what_is_asked(trained):
    result, _, least = trained
    assert result.as_json()["test"]["accuracy"] >= least


def test_bundle_and_estimator_give_every_clip_the_same_label(trained):
    result, model, _ = trained
    rows = result.examples.rows
    expected = result.estimator.predict_proba(rows)
    got = np.concatenate([model.graph.predict(row[np.newaxis]) for row in rows])
    np.testing.assert_allclose(got, expected, atol=1e-5)
    np.testing.assert_array_equal(predicted_class(got), predicted_class(expected))


def test_training_file_and_stream_have_the_same_features_to_the_bit(trained):
    result, model, _ = trained
    rng = np.random.default_rng(7)
    for index in rng.choice(len(result.dataset.examples), 25, replace=False):
        file = result.dataset.examples[index].file
        clip = read(file)
        blocks = np.split(clip.samples, np.unique(rng.integers(1, clip.samples.size, 9)))
        assert list(model.stream(blocks, rate_hz=clip.rate_hz)) == list(model.windows(file))
        mine = result.examples.rows[result.examples.owner == index]
        again = np.stack([model.pipeline.row(window.samples) for window in model.pipeline.windows(clip)])
        np.testing.assert_array_equal(mine, again)


def test_the_exported_graph_has_the_models_predictions(trained):
    result, model, _ = trained
    session = onnxruntime.InferenceSession(build_graph(model.bundle), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    examples = result.dataset.examples
    for example in examples[:: max(1, len(examples) // 20)]:
        clip = resample(read(example.file), model.bundle.manifest.spec.rate_hz)
        found = dict(zip(names, session.run(None, {INPUT: clip.samples}), strict=True))
        expected = model.predict(clip)
        probabilities = list(expected.probabilities.values())
        np.testing.assert_allclose(np.ravel(found["probabilities"]), probabilities, atol=1e-3)
        assert model.classes[int(np.ravel(found["class"])[0])] == expected.label
        np.testing.assert_allclose(np.ravel(found["novelty"]), [expected.novelty], atol=1e-2)
        assert np.ravel(found["unknown"]).tolist() == [expected.unknown]


def test_motor_and_cries_are_judged_as_they_deserve(recordings_dir):
    motor = train(
        Dataset.load(recordings_dir / "motor", target="target", group="throttle_pct"), models="linear"
    ).as_json()
    assert motor["verdict"].startswith("Better than guessing")
    assert motor["verdict_kind"] == "better"
    cries = Dataset.load(recordings_dir / "cry", group="device")
    cry = train(replace(cries, examples=cries.examples[::3]), models="linear").as_json()
    assert cry["verdict"].startswith("No better than guessing")
    assert cry["verdict_kind"] == "no_better"
