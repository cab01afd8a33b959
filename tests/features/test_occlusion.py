import numpy as np
import pytest

from auricle.errors import FeatureError
from auricle.features.occlusion import occlusion


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    image = rng.normal(-60, 1, (32, 48)).astype(np.float32)
    image[8:12, 10:20] = -10
    return image


def test_finds_what_the_answer_hangs_on(image: np.ndarray) -> None:
    heard = occlusion(lambda one: np.array([one[8:12, 10:20].mean(), -1000.0]), image)
    assert heard.shape == image.shape
    assert heard.dtype == np.float32
    inside = np.zeros(image.shape, bool)
    inside[8:12, 10:20] = True
    assert heard[inside].mean() > 5 * abs(heard[~inside]).mean()
    assert np.argmax(heard) in np.flatnonzero(inside)
    assert heard[24:].max() == 0


def test_sound_may_speak_against_an_answer(image: np.ndarray) -> None:
    assert occlusion(lambda one: -one[8:12, 10:20].mean(), image).min() < 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 100), (100, 3)])
def test_any_size(shape: tuple[int, int]) -> None:
    assert occlusion(lambda one: one.max(), np.ones(shape, np.float32)).shape == shape


def test_leaves_the_image_alone(image: np.ndarray) -> None:
    before = image.copy()
    occlusion(lambda one: one.mean(), image)
    assert np.array_equal(image, before)


def test_refuses_what_is_no_image() -> None:
    with pytest.raises(FeatureError, match="must have bands and frames"):
        occlusion(lambda one: one.mean(), np.zeros(5, np.float32))
