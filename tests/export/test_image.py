import numpy as np
import pytest

from auricle.errors import ExportError
from auricle.export.draft import Draft
from auricle.export.image import image
from auricle.features.image import Image, image_spec

SPEC = image_spec(16_000, 0.5)


@pytest.mark.parametrize("n", [300, 4000, 7999, 8000, 8001, 11_000, 16_000])
def test_an_image_equals_the_features(run, sound, n):
    samples = sound[:n]
    got = run(lambda draft, value: image(draft, value, SPEC), samples)
    expected = Image(SPEC).row(samples, 16_000)
    assert got.shape == expected.shape
    assert got.dtype == np.float32
    np.testing.assert_allclose(10 ** (got / 10), 10 ** (expected / 10), atol=2e-6 * 10 ** (expected.max() / 10))
    near = expected > expected.max() - 60
    np.testing.assert_allclose(got[near], expected[near], atol=1e-2)


def test_the_loudest_stretch_is_seen(run, rng):
    samples = (1e-3 * rng.standard_normal(16_000)).astype(np.float32)
    samples[9000:12_000] *= 300
    got = run(lambda draft, value: image(draft, value, SPEC), samples)
    np.testing.assert_allclose(got, Image(SPEC).row(samples, 16_000), atol=0.05)


def test_an_image_without_size_is_refused():
    with pytest.raises(ExportError, match="must have a size"):
        image(Draft(), "samples", SPEC.model_copy(update={"window_s": None}))
