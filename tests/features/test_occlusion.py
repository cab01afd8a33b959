import numpy as np
import pytest

from auricle.errors import FeatureError, UsageError
from auricle.features.occlusion import explain_image, explain_sound
from auricle.features.plots import picture_spec
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import log_mel

RATE_HZ = 8000


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    image = rng.normal(-60, 1, (32, 48)).astype(np.float32)
    image[8:12, 10:20] = -10
    return image


def test_map_peaks_at_the_decisive_region(image: np.ndarray) -> None:
    heard = explain_image(lambda one: np.array([one[8:12, 10:20].mean(), -1000.0]), image)
    assert heard.shape == image.shape
    assert heard.dtype == np.float32
    inside = np.zeros(image.shape, bool)
    inside[8:12, 10:20] = True
    assert heard[inside].mean() > 5 * abs(heard[~inside]).mean()
    assert np.argmax(heard) in np.flatnonzero(inside)
    assert heard[24:].max() == 0


def test_evidence_against_the_prediction_is_negative(image: np.ndarray) -> None:
    assert explain_image(lambda one: -one[8:12, 10:20].mean(), image).min() < 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 100), (100, 3)])
def test_any_size(shape: tuple[int, int]) -> None:
    assert explain_image(lambda one: float(one.max()), np.ones(shape, np.float32)).shape == shape


def test_leaves_the_image_alone(image: np.ndarray) -> None:
    before = image.copy()
    explain_image(lambda one: float(one.mean()), image)
    assert np.array_equal(image, before)


def test_invalid_image_raises() -> None:
    with pytest.raises(FeatureError, match="must have bands and frames"):
        explain_image(lambda one: float(one.mean()), np.zeros(5, np.float32))


def test_map_of_a_sound_peaks_at_the_beep(rng: np.random.Generator) -> None:
    spec = picture_spec(RATE_HZ)
    sound = 1e-3 * rng.standard_normal(RATE_HZ).astype(np.float32)
    beep = slice(3000, 5000)
    sound[beep] += (0.3 * np.sin(2 * np.pi * 1000 * np.arange(2000) / RATE_HZ)).astype(np.float32)

    def loudness_at_1_khz(samples: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(samples))
        return 20 * float(np.log10(spectrum[950:1050].max()))

    heard = explain_sound(loudness_at_1_khz, sound, spec)
    levels = log_mel(sound, spec).T
    assert heard.shape == levels.shape
    assert heard.max() > 3
    band, frame = np.unravel_index(np.argmax(heard), heard.shape)
    assert abs(band - levels.mean(axis=1).argmax()) <= spec.n_mels // 6
    assert 2500 < frame * spec.hop < 5000
    assert abs(heard[: spec.n_mels // 8]).max() < 0.5  # far below the tone


def test_only_the_occluded_region_is_attenuated(rng: np.random.Generator) -> None:
    spec = FeatureSpec(rate_hz=RATE_HZ, n_fft=256, hop=64, n_mels=20)
    sound = 0.1 * rng.standard_normal(RATE_HZ).astype(np.float32)
    asked: list[np.ndarray] = []

    def answer(samples: np.ndarray) -> float:
        asked.append(samples.copy())
        return 0.0

    explain_sound(answer, sound, spec, parts=(1, 4))
    n_frames = spec.n_frames(sound.size)
    before = log_mel(sound, spec)
    assert np.array_equal(asked[0], sound)
    first = log_mel(asked[1], spec)
    quarter = n_frames // 4
    assert np.median(before[5 : quarter - 5] - first[5 : quarter - 5]) == pytest.approx(30, abs=2)
    np.testing.assert_allclose(first[quarter + 5 :], before[quarter + 5 :], atol=1e-3)


def test_frames_must_overlap() -> None:
    with pytest.raises(UsageError, match="`hop` must divide `n_fft`"):
        explain_sound(lambda one: float(one.mean()), np.zeros(4000, np.float32), FeatureSpec(n_fft=1024, hop=512))
