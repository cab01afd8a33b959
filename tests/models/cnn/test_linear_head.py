import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from auricle.models.cnn.linear_head import band_statistics, fit_linear_head


def random_images(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(-40, 10, (n, 6, 20)).astype(np.float32)


def test_band_statistics_are_means_and_deviations(rng: np.random.Generator) -> None:
    image = random_images(1, rng)[0]
    levels = np.maximum(image - image.max() + 80, 0) / 80
    np.testing.assert_allclose(band_statistics(image[np.newaxis])[0, :6], levels.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(band_statistics(image[np.newaxis])[0, 6:], levels.std(axis=1), rtol=1e-6)


def test_gain_cancels(rng: np.random.Generator) -> None:
    images = random_images(300, rng)
    np.testing.assert_allclose(band_statistics(images - 15), band_statistics(images), atol=1e-6)


def test_equals_a_ridge_regression_on_standardised_columns(rng: np.random.Generator) -> None:
    features, targets, weights = rng.normal(3, 2, (50, 8)), rng.normal(size=50), rng.uniform(0.5, 2, 50)
    weights /= weights.mean()
    scaled = StandardScaler().fit(features, sample_weight=weights)
    ridge = Ridge(alpha=5.0).fit(scaled.transform(features), targets, sample_weight=weights)
    head = fit_linear_head(features, targets, weights)
    np.testing.assert_allclose(head.predict(features), ridge.predict(scaled.transform(features)), atol=1e-9)


def test_extrapolates_beyond_the_training_targets(rng: np.random.Generator) -> None:
    targets = np.linspace(0, 100, 60)
    images = np.full((60, 6, 20), -70.0) + rng.normal(0, 0.5, (60, 6, 20))
    images[:, 0] = 0.0
    images[:, 3] += targets[:, np.newaxis] / 2
    features = band_statistics(images.astype(np.float32))
    known = targets < 60
    head = fit_linear_head(features[known], targets[known], np.ones(known.sum()))
    assert head.predict(features[-1:])[0] == pytest.approx(100, abs=15)


def test_constant_band_has_weight_zero(rng: np.random.Generator) -> None:
    features = np.concatenate([rng.normal(size=(20, 2)), np.full((20, 1), 0.5)], axis=1)
    assert fit_linear_head(features, features[:, 0], np.ones(20)).weights[2] == 0.0
