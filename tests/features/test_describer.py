import pickle

import numpy as np
import pytest

from auricle.features import describer as module
from auricle.features.columns import STATISTICS
from auricle.features.describer import Describer
from auricle.features.extractor import Extractor
from auricle.features.parts import Features, Pooled
from auricle.features.spec import default_spec, standard_spec

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


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("n_samples", [1024, 1500, 16_000, 40_001])
@pytest.mark.parametrize("quiet", [1e-3, 0.1], ids=["trimmed", "steady"])
def test_rows_are_those_of_two_extractors(name: str, n_samples: int, quiet: float, rng: np.random.Generator) -> None:
    spec = SPECS[name]
    loudness = np.concatenate([np.full(n_samples // 3, quiet), np.full(n_samples - n_samples // 3, 0.3)])
    samples = (rng.standard_normal(n_samples) * loudness).astype(np.float32)
    row, standard = Describer(spec, COMPACT).rows(samples)
    np.testing.assert_array_equal(row, Extractor(spec).row(samples))
    np.testing.assert_array_equal(standard, Extractor(COMPACT).row(samples))


@pytest.mark.parametrize("rate_hz", [4000, 8000, 16_000, 22_050, 44_100])
def test_the_default_spec_needs_one_analysis(rate_hz: int, monkeypatch: pytest.MonkeyPatch) -> None:
    analyses = []
    values_of = module.values_of
    monkeypatch.setattr(module, "values_of", lambda *given: analyses.append(1) or values_of(*given))
    describer = Describer(default_spec(rate_hz), standard_spec(rate_hz))
    monkeypatch.setattr(describer.extractor, "row", None)
    monkeypatch.setattr(describer.standard, "row", None)
    rows = describer.rows(np.ones(rate_hz, np.float32))
    assert [row.size for row in rows] == [len(describer.extractor.columns), len(describer.standard.columns)]
    assert analyses == [1]


def test_a_describer_travels_to_another_process(rng: np.random.Generator) -> None:
    describer = Describer(SPECS["default"], COMPACT)
    again = pickle.loads(pickle.dumps(describer))  # noqa: S301
    samples = rng.standard_normal(5000).astype(np.float32)
    for row, same in zip(describer.rows(samples), again.rows(samples), strict=True):
        np.testing.assert_array_equal(row, same)


@pytest.mark.parametrize("with_pooled", [True, False])
def test_further_parts_lie_beside_the_pooled_features(with_pooled, tiny_embedding, rng: np.random.Generator) -> None:
    spec = SPECS["default"]
    parts = [Pooled(spec), tiny_embedding] if with_pooled else [tiny_embedding]
    samples = rng.standard_normal(16_000).astype(np.float32)
    describer = Describer(spec, COMPACT, parts)
    row, standard = pickle.loads(pickle.dumps(describer)).rows(samples)  # noqa: S301
    np.testing.assert_array_equal(row, Features(spec, parts).row(samples))
    np.testing.assert_array_equal(standard, Extractor(COMPACT).row(samples))
