"""Pretrained models in training: which are read, what travels in the bundle, and that all ways of use agree."""

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
from auricle.training.request import embeddings_for
from auricle.training.result import TrainResult
from auricle.training.train import train


@pytest.fixture(scope="module")
def sounds(machine_sounds: Path) -> Dataset:
    return Dataset.load(machine_sounds, label="label", group="machine")


@pytest.fixture(scope="module")
def on_tiny(sounds: Dataset, tiny_embedding: Embedding) -> TrainResult:
    return train(sounds, models="embedding", embeddings=[tiny_embedding], window_s=0.2, name="heard")


def test_an_embedding_is_tried_alone_and_beside_pooled_features(on_tiny: TrainResult) -> None:
    names = {trial.candidate.name for trial in on_tiny.found.trials}
    assert names == {"embedding(tiny)", "embedding(pooled+tiny)"}


def test_several_are_tried_together_too(sounds: Dataset, make_embedding) -> None:
    two = [make_embedding("one"), make_embedding("two", seed=2)]
    found = train(sounds, models="embedding", embeddings=two, window_s=0.2).found
    assert [trial.candidate.parts for trial in found.trials] == [
        ("one",),
        ("two",),
        ("pooled", "one"),
        ("pooled", "two"),
        ("pooled", "one", "two"),
    ]


def test_the_graph_travels_in_the_bundle(on_tiny: TrainResult, tmp_path: Path, tiny_embedding: Embedding) -> None:
    on_tiny.bundle.save(tmp_path / "heard.auricle")
    loaded = Bundle.load(tmp_path / "heard.auricle")
    assert loaded.embeddings == {"tiny": tiny_embedding.graphs}
    assert loaded.manifest.embeddings == (tiny_embedding.card,)
    assert loaded.features().columns == on_tiny.bundle.features().columns
    assert loaded.version == on_tiny.bundle.version


def test_file_windows_and_stream_give_what_training_computed(on_tiny: TrainResult) -> None:
    model = Predictor(Bundle.from_bytes(on_tiny.bundle.to_bytes()))
    parts = on_tiny.found.chosen.parts
    for index in (0, 7):
        file = on_tiny.dataset.examples[index].file
        windows = list(model.windows(file))
        rows = on_tiny.table.design_matrix(parts, on_tiny.examples.owner == index)
        expected = on_tiny.estimator.predict_proba(rows)
        graph = np.concatenate([model.graph.predict(row[np.newaxis]) for row in rows])
        np.testing.assert_allclose(graph, expected, atol=1e-5)
        clip = read(file)
        assert list(model.stream(np.split(clip.samples, [99, 1000, 2345]), rate_hz=clip.rate_hz)) == windows
        assert len(windows) == len(rows)


def test_a_part_that_nothing_eats_is_left_out_of_the_bundle(sounds: Dataset, tiny_embedding: Embedding) -> None:
    result = train(sounds, models="linear,embedding", embeddings=[tiny_embedding], window_s=0.2)
    manifest = result.bundle.manifest
    assert set(manifest.parts) == set(result.found.chosen.parts)
    assert ("tiny" in result.bundle.embeddings) == ("tiny" in manifest.parts)


def test_a_blend_of_members_on_other_parts_is_one_graph(
    sounds: Dataset, tiny_embedding: Embedding, monkeypatch
) -> None:
    monkeypatch.setattr("auricle.training.search.search.WORTHWHILE", -np.inf)  # blend, whether it pays or not
    result = train(
        sounds, models="linear,svm,embedding,blend", embeddings=[tiny_embedding], window_s=0.2, name="blended"
    )
    chosen = result.found.chosen
    assert chosen.family == "blend"
    assert set(chosen.parts) == {"pooled", "tiny"}
    model = Predictor(Bundle.from_bytes(result.bundle.to_bytes()))
    rows = result.table.design_matrix(chosen.parts)
    np.testing.assert_allclose(model.graph.predict(rows), result.estimator.predict_proba(rows), atol=1e-5)


def test_auto_reads_what_is_at_hand(sounds: Dataset, tiny_embedding: Embedding, monkeypatch) -> None:
    monkeypatch.setattr(request, "available_presets", lambda: ("tiny",))
    monkeypatch.setattr(request, "load_embedding", lambda _: tiny_embedding)
    tried = {trial.candidate.family for trial in train(sounds, window_s=0.2).found.trials}
    assert tried >= {"linear", "svm", "trees", "embedding"}


def test_optuna_draws_parts_too(sounds: Dataset, tiny_embedding: Embedding, monkeypatch) -> None:
    monkeypatch.setattr("auricle.training.search.optuna_search.N_TRIALS", 4)
    result = train(sounds, models="embedding", embeddings=[tiny_embedding], tune="optuna", window_s=0.2, budget_s=1)
    assert {trial.candidate.parts for trial in result.found.trials} <= {("tiny",), ("pooled", "tiny")}
    Predictor(result.bundle)


def test_a_second_training_computes_nothing_anew(
    sounds: Dataset, make_embedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, embedding = FeatureCache(tmp_path), make_embedding("kept")
    options = {"models": "embedding", "embeddings": [embedding], "window_s": 0.2, "cache": cache, "name": "x"}
    first = train(sounds, **options)
    asked = []
    row = Embedding.row
    monkeypatch.setattr(Embedding, "row", lambda self, *given: asked.append(1) or row(self, *given))
    second = train(sounds, **options)
    assert second.bundle.version == first.bundle.version
    assert len(asked) <= 3  # golden windows


def test_a_model_for_numbers(machine_sounds: Path, tiny_embedding: Embedding) -> None:
    data = Dataset.load(machine_sounds, target="rpm", group="machine")
    result = train(data, models="embedding", embeddings=[tiny_embedding], window_s=0.2)
    model = Predictor(Bundle.from_bytes(result.bundle.to_bytes()))
    found = [model.predict(example.file).value for example in data.examples]
    assert np.corrcoef(found, data.targets)[0, 1] > 0.5


@pytest.mark.parametrize(
    ("families", "wanted", "is_auto", "message"),
    [
        (("embedding",), None, False, "`models` embedding needs a pretrained model, and none is at hand"),
        (("embedding",), [], False, "needs a pretrained model"),
        (("forest",), ["tiny"], False, r"must be auto, or name embedding, for tiny to be read\. Got forest"),
        (("linear",), ["tiny", "tiny"], True, "must have another name. Two are called 'tiny'"),
        (("embedding",), ["vggish"], False, "`embedding` must be yamnet, speech, PRESET=FILE.onnx"),
    ],
)
def test_bad_input(families, wanted, is_auto, message, tiny_embedding: Embedding) -> None:
    given = None if wanted is None else [tiny_embedding if name == "tiny" else name for name in wanted]
    with pytest.raises(UsageError, match=message):
        embeddings_for(families, given, is_auto=is_auto)


def test_nothing_is_read_where_nothing_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "available_presets", lambda: pytest.fail("looked for"))
    assert embeddings_for(("forest",), None, is_auto=False) == {}
    monkeypatch.setattr(request, "available_presets", lambda: ())
    assert embeddings_for(("linear",), None, is_auto=True) == {}
