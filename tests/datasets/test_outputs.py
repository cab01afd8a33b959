from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import block_rows, extract, windows_of
from auricle.errors import FeatureError, ModelError
from auricle.features.cache import FeatureCache
from auricle.features.embeddings.embedding import Embedding
from auricle.features.image import Image, image_spec
from auricle.features.pipeline import FeaturePipeline
from auricle.features.spec import FeatureSpec

SPEC = FeatureSpec(rate_hz=8000, n_fft=256, hop=64, n_mels=20, window_s=0.2)


@pytest.fixture
def sounds(machine_sounds: Path) -> Dataset:
    return Dataset.load(machine_sounds, label="label").subset(np.arange(5))


def test_block_rows_equal_the_pipeline_rows_window_by_window(sounds: Dataset, tiny_embedding: Embedding) -> None:
    _, examples, _ = extract(sounds, SPEC, workers=1)
    rows = block_rows(sounds, tiny_embedding, SPEC, workers=2)
    assert rows.shape == (len(examples.rows), len(tiny_embedding.columns))
    features = FeaturePipeline(SPEC, [tiny_embedding])
    windows = [window for example in sounds.examples for window in windows_of(example, features)]
    np.testing.assert_array_equal(rows, np.stack([features.row(window.samples) for window in windows]))


def test_block_rows_are_cached(sounds: Dataset, make_embedding, tmp_path: Path, monkeypatch) -> None:
    cache, embedding, reports = FeatureCache(tmp_path), make_embedding("tiny"), []
    first = block_rows(sounds, embedding, SPEC, cache=cache, progress=lambda *args: reports.append(args))
    assert [(stage, done, total) for stage, done, total, _ in reports] == [("tiny", i, 5) for i in range(1, 6)]
    monkeypatch.setattr(Embedding, "row", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(block_rows(sounds, embedding, SPEC, cache=cache), first)


def test_cache_key_depends_on_the_graph_and_the_windows(sounds: Dataset, make_embedding, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    first = block_rows(sounds, make_embedding("tiny"), SPEC, cache=cache)
    other = block_rows(sounds, make_embedding("tiny", seed=2), SPEC, cache=cache)
    assert np.abs(first - other).max() > 0.1
    longer = FeatureSpec(**{**SPEC.model_dump(), "window_s": 0.5})
    assert len(block_rows(sounds, make_embedding("tiny"), longer, cache=cache)) == 5 < len(first)


def test_image_rows_are_cached(sounds: Dataset, tmp_path: Path) -> None:
    cache, image = FeatureCache(tmp_path), Image(image_spec(8000, 0.2))
    first = block_rows(sounds, image, SPEC, cache=cache)
    np.testing.assert_array_equal(block_rows(sounds, image, SPEC, cache=cache), first)


def test_feature_error_names_the_file(sounds: Dataset, tiny_embedding, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise FeatureError("A window must be longer.")

    monkeypatch.setattr(Embedding, "row", refuse)
    with pytest.raises(FeatureError, match=r"\.wav: A window must be longer\."):
        block_rows(sounds, tiny_embedding, SPEC, workers=1)


def test_failing_graph_raises_a_model_error(sounds: Dataset, make_embedding) -> None:
    with pytest.raises(ModelError, match="must be finite"):
        block_rows(sounds, make_embedding("tiny", broken=True), SPEC, workers=1)
