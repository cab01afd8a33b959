import pickle

import numpy as np
import pytest

from auricle.errors import FeatureError, UsageError
from auricle.features.extractor import Extractor
from auricle.features.image import Image, image_spec
from auricle.features.spec import FeatureSpec

RATE_HZ = 8000


@pytest.fixture
def part() -> Image:
    return Image(image_spec(RATE_HZ, 1.0))


@pytest.mark.parametrize("n", [1, 300, 4000, 8000, 20_000])
def test_image_size_does_not_depend_on_the_window(part: Image, rng: np.random.Generator, n: int) -> None:
    row = part.row(0.1 * rng.standard_normal(n), RATE_HZ)
    assert row.shape == (part.shape[0] * part.shape[1],) == (len(part.columns),)
    assert row.dtype == np.float32
    assert np.isfinite(row).all()


def test_row_equals_the_image_of_the_extractor(part: Image, rng: np.random.Generator) -> None:
    sound = 0.1 * rng.standard_normal(RATE_HZ).astype(np.float32)
    assert np.array_equal(part.row(sound, RATE_HZ).reshape(part.shape), Extractor(part.spec).image(sound))


def test_short_sound_is_centred(part: Image) -> None:
    image = part.row(np.ones(2000, np.float32), RATE_HZ).reshape(part.shape)
    sounding = np.flatnonzero(image.max(axis=0) > -60)
    assert abs(sounding.mean() - (part.shape[1] - 1) / 2) < 2


def test_loudest_part_of_long_sound_is_used(part: Image, rng: np.random.Generator) -> None:
    sound = 1e-3 * rng.standard_normal(5 * RATE_HZ).astype(np.float32)
    hop = part.spec.hop
    start = 300 * hop
    sound[start : start + RATE_HZ] *= 100
    assert np.array_equal(part.row(sound, RATE_HZ), part.row(sound[start : start + RATE_HZ], RATE_HZ))


def test_other_rates_are_resampled(part: Image) -> None:
    time_s = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 440 * time_s).astype(np.float32)
    a, b = part.row(tone, 16_000).reshape(part.shape), part.row(tone[::2].copy(), RATE_HZ).reshape(part.shape)
    band = a.mean(axis=1).argmax()
    np.testing.assert_allclose(a[band, 5:-5], b[band, 5:-5], atol=0.1)


def test_image_pickles(part: Image) -> None:
    again = pickle.loads(pickle.dumps(part))  # noqa: S301
    assert again.fingerprint() == part.fingerprint()
    assert again.columns == part.columns


@pytest.mark.parametrize(
    ("rate_hz", "longest_s"), [(8000, 0.02), (8000, 1.0), (16_000, 2.0), (44_100, 5.0), (96_000, 30.0)]
)
def test_image_spec_of_any_rate_and_duration(rate_hz: int, longest_s: float) -> None:
    bands, frames = Image(image_spec(rate_hz, longest_s)).shape
    assert 32 <= bands <= 64
    assert 1 <= frames <= max(130, longest_s / 0.02)


def test_spec_without_window_s_raises() -> None:
    with pytest.raises(UsageError, match="`window_s` must be set"):
        Image(FeatureSpec())


@pytest.mark.parametrize("samples", [np.zeros((2, 9)), np.zeros(0), np.full(9000, np.nan)])
def test_invalid_samples_raise(part: Image, samples: np.ndarray) -> None:
    with pytest.raises(FeatureError, match=r"one channel|finite"):
        part.row(samples, RATE_HZ)
