import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from auricle.models.cnn.linear_head import fit_linear_head, statistics


def made(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(-40, 10, (n, 6, 20)).astype(np.float32)


def test_statistics_are_means_and_deviations_of_bands(rng: np.random.Generator) -> None:
    image = made(1, rng)[0]
    heard = np.maximum(image - image.max() + 80, 0) / 80
    np.testing.assert_allclose(statistics(image[np.newaxis])[0, :6], heard.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(statistics(image[np.newaxis])[0, 6:], heard.std(axis=1), rtol=1e-6)


def test_a_far_microphone_hears_the_same(rng: np.random.Generator) -> None:
    images = made(300, rng)
    np.testing.assert_allclose(statistics(images - 15), statistics(images), atol=1e-6)


def test_equals_a_ridge_regression_on_standardised_columns(rng: np.random.Generator) -> None:
    found, numbers, weights = rng.normal(3, 2, (50, 8)), rng.normal(size=50), rng.uniform(0.5, 2, 50)
    weights /= weights.mean()
    scaled = StandardScaler().fit(found, sample_weight=weights)
    ridge = Ridge(alpha=5.0).fit(scaled.transform(found), numbers, sample_weight=weights)
    line = fit_linear_head(found, numbers, weights)
    np.testing.assert_allclose(line.answers(found), ridge.predict(scaled.transform(found)), atol=1e-9)


def test_goes_on_beyond_what_it_heard(rng: np.random.Generator) -> None:
    numbers = np.linspace(0, 100, 60)
    images = np.full((60, 6, 20), -70.0) + rng.normal(0, 0.5, (60, 6, 20))
    images[:, 0] = 0.0
    images[:, 3] += numbers[:, np.newaxis] / 2
    found = statistics(images.astype(np.float32))
    known = numbers < 60
    line = fit_linear_head(found[known], numbers[known], np.ones(known.sum()))
    assert line.answers(found[-1:])[0] == pytest.approx(100, abs=15)


def test_a_band_that_never_changes_says_nothing(rng: np.random.Generator) -> None:
    found = np.concatenate([rng.normal(size=(20, 2)), np.full((20, 1), 0.5)], axis=1)
    assert fit_linear_head(found, found[:, 0], np.ones(20)).weights[2] == 0.0
