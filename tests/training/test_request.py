"""Requests for pretrained models: which are loaded, the feature sets tried, and the bundle's graphs and predictions."""

from pathlib import Path

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.errors import UsageError
from auricle.features.cache import FeatureCache
from auricle.features.embeddings.embedding import Embedding
from auricle.prediction.predictor import Predictor
from auricle.training import request
from auricle.training.request import load_embeddings
from auricle.training.result import TrainResult
from auricle.training.train import train


@pytest.fixture(scope="module")
def sounds(machine_sounds: Path) -> Dataset:
    return Dataset.load(machine_sounds, label="label", group="machine")


@pytest.fixture(scope="module")
def on_tiny(sounds: Dataset, tiny_embedding: Embedding) -> TrainResult:
    return train(sounds, models="embedding", embeddings=[tiny_embedding], window_s=0.2, name="tiny")


def test_an_embedding_is_tried_alone_and_beside_pooled_features(on_tiny: TrainResult) -> None:
    names = {trial.candidate.name for trial in on_tiny.search.trials}
    assert names == {"embedding(tiny)", "embedding(pooled+tiny)"}


def test_several_embeddings_are_also_tried_together(sounds: Dataset, make_embedding) -> None:
    two = [make_embedding("one"), make_embedding("two", seed=2)]
    found = train(sounds, models="embedding", embeddings=two, window_s=0.2).search
    assert [trial.candidate.feature_set for trial in found.trials] == [
        ("one",),
        ("two",),
        ("pooled", "one"),
        ("pooled", "two"),
        ("pooled", "one", "two"),
    ]


def test_the_bundle_holds_the_graph_of_the_embedding(
    on_tiny: TrainResult, tmp_path: Path, tiny_embedding: Embedding
) -> None:
    on_tiny.bundle.save(tmp_path / "tiny.auricle")
    loaded = Bundle.load(tmp_path / "tiny.auricle")
    assert loaded.embeddings == {"tiny": tiny_embedding.graphs}
    assert loaded.manifest.embeddings == (tiny_embedding.card,)
    assert loaded.features().columns == on_tiny.bundle.features().columns
    assert loaded.version == on_tiny.bundle.version


def test_file_windows_and_stream_equal_the_training(on_tiny: TrainResult) -> None:
    model = Predictor(Bundle.from_bytes(on_tiny.bundle.to_bytes()))
    parts = on_tiny.search.chosen.feature_set
    for index in (0, 7):
        file = on_tiny.dataset.examples[index].file
        windows = list(model.windows(file))
        rows = on_tiny.training_data.design_matrix(parts, on_tiny.examples.owner == index)
        expected = on_tiny.estimator.predict_proba(rows)
        graph = np.concatenate([model.graph.predict(row[np.newaxis]) for row in rows])
        np.testing.assert_allclose(graph, expected, atol=1e-5)
        clip = read(file)
        assert list(model.stream(np.split(clip.samples, [99, 1000, 2345]), rate_hz=clip.rate_hz)) == windows
        assert len(windows) == len(rows)


def test_an_embedding_that_the_model_does_not_read_is_not_in_the_bundle(
    sounds: Dataset, tiny_embedding: Embedding
) -> None:
    result = train(sounds, models="linear,embedding", embeddings=[tiny_embedding], window_s=0.2)
    manifest = result.bundle.manifest
    assert set(manifest.parts) == set(result.search.chosen.feature_set)
    assert ("tiny" in result.bundle.embeddings) == ("tiny" in manifest.parts)


def test_a_blend_of_members_on_different_feature_sets_is_one_graph(
    sounds: Dataset, tiny_embedding: Embedding, monkeypatch
) -> None:
    monkeypatch.setattr("auricle.training.search.search.MIN_GAIN", -np.inf)  # always blend
    result = train(
        sounds, models="linear,svm,embedding,blend", embeddings=[tiny_embedding], window_s=0.2, name="blended"
    )
    chosen = result.search.chosen
    assert chosen.family == "blend"
    assert set(chosen.feature_set) == {"pooled", "tiny"}
    model = Predictor(Bundle.from_bytes(result.bundle.to_bytes()))
    rows = result.training_data.design_matrix(chosen.feature_set)
    np.testing.assert_allclose(model.graph.predict(rows), result.estimator.predict_proba(rows), atol=1e-5)


def test_auto_reads_the_available_presets(sounds: Dataset, tiny_embedding: Embedding, monkeypatch) -> None:
    monkeypatch.setattr(request, "available_presets", lambda: ("tiny",))
    monkeypatch.setattr(request, "load_embedding", lambda _: tiny_embedding)
    tried = {trial.candidate.family for trial in train(sounds, window_s=0.2).search.trials}
    assert tried >= {"linear", "svm", "trees", "embedding"}


def test_optuna_suggests_feature_sets(sounds: Dataset, tiny_embedding: Embedding, monkeypatch) -> None:
    monkeypatch.setattr("auricle.training.search.optuna_search.N_TRIALS", 4)
    result = train(sounds, models="embedding", embeddings=[tiny_embedding], tune="optuna", window_s=0.2, budget_s=1)
    assert {trial.candidate.feature_set for trial in result.search.trials} <= {("tiny",), ("pooled", "tiny")}
    Predictor(result.bundle)


def test_a_second_training_takes_embeddings_from_the_cache(
    sounds: Dataset, make_embedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, embedding = FeatureCache(tmp_path), make_embedding("kept")
    options = {"models": "embedding", "embeddings": [embedding], "window_s": 0.2, "cache": cache, "name": "x"}
    first = train(sounds, **options)
    calls = []
    row = Embedding.row
    monkeypatch.setattr(Embedding, "row", lambda self, *given: calls.append(1) or row(self, *given))
    second = train(sounds, **options)
    assert second.bundle.version == first.bundle.version
    assert len(calls) <= 3  # golden windows


def test_a_model_for_numbers(machine_sounds: Path, tiny_embedding: Embedding) -> None:
    data = Dataset.load(machine_sounds, target="rpm", group="machine")
    result = train(data, models="embedding", embeddings=[tiny_embedding], window_s=0.2)
    model = Predictor(Bundle.from_bytes(result.bundle.to_bytes()))
    found = [model.predict(example.file).value for example in data.examples]
    assert np.corrcoef(found, data.targets)[0, 1] > 0.5


@pytest.mark.parametrize(
    ("families", "requested", "is_auto", "message"),
    [
        (("embedding",), None, False, "`models` embedding needs a pretrained model, and none is available"),
        (("embedding",), [], False, "needs a pretrained model"),
        (("forest",), ["tiny"], False, r"must be auto or include embedding to use tiny\. Got forest"),
        (("linear",), ["tiny", "tiny"], True, "must have different names. Two are called 'tiny'"),
        (("embedding",), ["vggish"], False, "`embedding` must be yamnet, speech, PRESET=FILE.onnx"),
    ],
)
def test_bad_input(families, requested, is_auto, message, tiny_embedding: Embedding) -> None:
    models = None if requested is None else [tiny_embedding if name == "tiny" else name for name in requested]
    with pytest.raises(UsageError, match=message):
        load_embeddings(families, models, is_auto=is_auto)


def test_no_embedding_is_loaded_without_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "available_presets", lambda: pytest.fail("presets were looked up"))
    assert load_embeddings(("forest",), None, is_auto=False) == {}
    monkeypatch.setattr(request, "available_presets", lambda: ())
    assert load_embeddings(("linear",), None, is_auto=True) == {}
