import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from auricle.audio.clip import Clip
from auricle.errors import FeatureError, UsageError
from auricle.features import pipeline as module
from auricle.features.columns import STATISTICS
from auricle.features.embeddings.embedding import Embedding
from auricle.features.extractor import Extractor
from auricle.features.image import Image, image_spec
from auricle.features.pipeline import IMAGE, POOLED, FeaturePipeline
from auricle.features.spec import FeatureSpec, default_spec, standard_spec

RATE_HZ = 8000
SPEC = FeatureSpec(rate_hz=RATE_HZ, n_fft=256, hop=64, n_mels=20, window_s=0.5)
COMPACT = standard_spec(16_000)
SPECS = {
    "default": default_spec(16_000),
    "fewer coefficients": default_spec(16_000).model_copy(update={"n_mfcc": 5}),
    "thirteen": default_spec(16_000).model_copy(update={"n_mfcc": 13, "features": ("zcr", "mfcc", "chroma")}),
    "one group": COMPACT.model_copy(update={"features": ("rms",), "statistics": STATISTICS}),
    "modulation alone": COMPACT.model_copy(update={"features": ("modulation",)}),
    "trimmed": COMPACT.model_copy(update={"trim_db": 6.0}),
    "the standard itself": COMPACT,
    "other bands": COMPACT.model_copy(update={"n_mels": 30}),
    "other frames": COMPACT.model_copy(update={"n_fft": 1024}),
    "no power of two": COMPACT.model_copy(update={"n_fft": 400}),
}


@pytest.fixture
def every(tiny_embedding: Embedding) -> FeaturePipeline:
    return FeaturePipeline(SPEC, [POOLED, tiny_embedding, Image(image_spec(RATE_HZ, 0.5))])


@pytest.fixture
def sound(rng: np.random.Generator) -> np.ndarray:
    return (0.1 * rng.standard_normal(RATE_HZ // 2)).astype(np.float32)


def test_row_concatenates_its_blocks(every: FeaturePipeline, tiny_embedding: Embedding, sound: np.ndarray) -> None:
    image = Image(image_spec(RATE_HZ, 0.5))
    expected = [Extractor(SPEC).row(sound), tiny_embedding.row(sound, RATE_HZ), image.row(sound, RATE_HZ)]
    np.testing.assert_array_equal(every.row(sound), np.concatenate(expected))
    assert every.columns == (*SPEC.columns, *tiny_embedding.columns, *image.columns)
    assert every.block_names == (POOLED, "tiny", IMAGE)


def test_row_without_further_blocks_equals_the_spec(sound: np.ndarray) -> None:
    features = FeaturePipeline(SPEC)
    assert features.columns == SPEC.columns
    np.testing.assert_array_equal(features.row(sound), Extractor(SPEC).row(sound))


def test_rows_are_those_of_the_windows(every: FeaturePipeline, rng: np.random.Generator) -> None:
    clip = Clip((0.1 * rng.standard_normal(10_000)).astype(np.float32), RATE_HZ, source="noise")
    windows = every.windows(clip)
    assert len(windows) == 3
    np.testing.assert_array_equal(every.rows([clip]), np.stack([every.row(window.samples) for window in windows]))
    assert every.rows([]).shape == (0, len(every.columns))


def test_pipeline_pickles(every: FeaturePipeline, sound: np.ndarray) -> None:
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(every)).row(sound), every.row(sound))  # noqa: S301


@pytest.mark.parametrize("names", [(), (POOLED, POOLED)])
def test_duplicate_or_missing_blocks_raise(names: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError, match="`blocks` must be at least one, each of another name"):
        FeaturePipeline(SPEC, names)


def test_sample_that_is_not_finite_raises(every: FeaturePipeline, sound: np.ndarray) -> None:
    sound[7] = np.nan
    with pytest.raises(FeatureError, match="finite"):
        every.row(sound)


def test_repr_names_the_blocks(every: FeaturePipeline, make_embedding: Callable[..., Embedding]) -> None:
    assert repr(every).startswith("FeaturePipeline(pooled+tiny+image, ")
    assert len({block.fingerprint() for block in (*every.blocks[1:], make_embedding("other"))}) == 3


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("n_samples", [1024, 1500, 16_000, 40_001])
@pytest.mark.parametrize("quiet", [1e-3, 0.1], ids=["trimmed", "steady"])
def test_both_rows_equal_separate_extractors(name: str, n_samples: int, quiet: float, rng: np.random.Generator) -> None:
    spec = SPECS[name]
    loudness = np.concatenate([np.full(n_samples // 3, quiet), np.full(n_samples - n_samples // 3, 0.3)])
    samples = (rng.standard_normal(n_samples) * loudness).astype(np.float32)
    row, standard = FeaturePipeline(spec, standard=COMPACT).both_rows(samples)
    np.testing.assert_array_equal(row, Extractor(spec).row(samples))
    np.testing.assert_array_equal(standard, Extractor(COMPACT).row(samples))


@pytest.mark.parametrize("rate_hz", [4000, 8000, 16_000, 22_050, 44_100])
def test_the_default_spec_needs_one_analysis(rate_hz: int, monkeypatch: pytest.MonkeyPatch) -> None:
    analyses = []
    values_of = module.values_of
    monkeypatch.setattr(module, "values_of", lambda *given: analyses.append(1) or values_of(*given))
    spec, standard = default_spec(rate_hz), standard_spec(rate_hz)
    rows = FeaturePipeline(spec, standard=standard).both_rows(np.ones(rate_hz, np.float32))
    assert [row.size for row in rows] == [len(spec.columns), len(standard.columns)]
    assert analyses == [1]


@pytest.mark.parametrize("blocks", [(POOLED,), (POOLED, "tiny"), ("tiny",)])
def test_standard_row_beside_any_blocks(blocks, tiny_embedding, rng: np.random.Generator) -> None:
    spec = SPECS["default"]
    pipeline = FeaturePipeline(spec, [POOLED if one == POOLED else tiny_embedding for one in blocks], standard=COMPACT)
    samples = rng.standard_normal(16_000).astype(np.float32)
    row, standard = pickle.loads(pickle.dumps(pipeline)).both_rows(samples)  # noqa: S301
    np.testing.assert_array_equal(row, pipeline.row(samples))
    np.testing.assert_array_equal(standard, Extractor(COMPACT).row(samples))
    np.testing.assert_array_equal(standard, pipeline.standard_row(samples))
