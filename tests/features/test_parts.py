import pickle
from collections.abc import Callable

import numpy as np
import pytest

from auricle.audio.clip import Clip
from auricle.errors import FeatureError, UsageError
from auricle.features.embeddings.embedding import Embedding
from auricle.features.extractor import Extractor
from auricle.features.image import Image, image_spec
from auricle.features.parts import IMAGE, POOLED, Features, Pooled
from auricle.features.spec import FeatureSpec

RATE_HZ = 8000
SPEC = FeatureSpec(rate_hz=RATE_HZ, n_fft=256, hop=64, n_mels=20, window_s=0.5)


@pytest.fixture
def every(tiny_embedding: Embedding) -> Features:
    return Features(SPEC, [Pooled(SPEC), tiny_embedding, Image(image_spec(RATE_HZ, 0.5))])


@pytest.fixture
def sound(rng: np.random.Generator) -> np.ndarray:
    return (0.1 * rng.standard_normal(RATE_HZ // 2)).astype(np.float32)


def test_a_row_is_its_parts_end_to_end(every: Features, tiny_embedding: Embedding, sound: np.ndarray) -> None:
    image = Image(image_spec(RATE_HZ, 0.5))
    expected = [Extractor(SPEC).row(sound), tiny_embedding.row(sound, RATE_HZ), image.row(sound, RATE_HZ)]
    np.testing.assert_array_equal(every.row(sound), np.concatenate(expected))
    assert every.columns == (*SPEC.columns, *tiny_embedding.columns, *image.columns)
    assert [part.name for part in every.parts] == [POOLED, "tiny", IMAGE]


def test_without_parts_a_row_is_the_specs(sound: np.ndarray) -> None:
    features = Features(SPEC)
    assert features.columns == SPEC.columns
    np.testing.assert_array_equal(features.row(sound), Extractor(SPEC).row(sound))


def test_rows_are_those_of_the_windows(every: Features, rng: np.random.Generator) -> None:
    clip = Clip((0.1 * rng.standard_normal(10_000)).astype(np.float32), RATE_HZ, source="noise")
    windows = every.windows(clip)
    assert len(windows) == 3
    np.testing.assert_array_equal(every.rows([clip]), np.stack([every.row(window.samples) for window in windows]))
    assert every.rows([]).shape == (0, len(every.columns))


def test_another_process_makes_the_same_row(every: Features, sound: np.ndarray) -> None:
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(every)).row(sound), every.row(sound))  # noqa: S301


@pytest.mark.parametrize("names", [(), ("pooled", "pooled")])
def test_parts_have_names_of_their_own(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="`parts` must be at least one, each of another name"):
        Features(SPEC, [Pooled(SPEC) for _ in names])


def test_pooled_features_are_made_at_the_specs_rate(sound: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"must be the spec's 8000 Hz\. Got 16000"):
        Pooled(SPEC).row(sound, 16_000)


def test_a_sample_that_is_not_finite_is_refused(every: Features, sound: np.ndarray) -> None:
    sound[7] = np.nan
    with pytest.raises(FeatureError, match="finite"):
        every.row(sound)


def test_parts_show_themselves(every: Features, make_embedding: Callable[..., Embedding]) -> None:
    assert repr(every).startswith("Features(pooled+tiny+image, ")
    assert len({part.fingerprint() for part in (*every.parts, make_embedding("other"))}) == 4
