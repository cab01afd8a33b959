from pathlib import Path

import numpy as np
import pytest

from auricle.errors import FeatureError
from auricle.features.image import Image, image_spec
from auricle.features.plots import draw_saliency, save


def test_draws_image_and_saliency(tmp_path: Path, rng: np.random.Generator) -> None:
    part = Image(image_spec(8000, 1.0))
    image = part.row(0.1 * rng.standard_normal(8000), 8000).reshape(part.shape)
    saliency = rng.normal(0, 0.1, part.shape).astype(np.float32)
    figure = draw_saliency(image, saliency, part.spec, source="clips/dog.wav", prediction="dog (0.93)")
    assert figure.get_suptitle() == "dog.wav   predicted: dog (0.93)"
    assert [len(axis.images) for axis in figure.axes[:2]] == [1, 2]
    save(figure, tmp_path / "saliency.png")
    assert (tmp_path / "saliency.png").stat().st_size > 10_000


def test_zero_saliency_is_drawn(rng: np.random.Generator) -> None:
    part = Image(image_spec(8000, 1.0))
    image = part.row(0.1 * rng.standard_normal(8000), 8000).reshape(part.shape)
    figure = draw_saliency(image, np.zeros_like(image), part.spec, source="x.wav", prediction="1200")
    assert [len(axis.images) for axis in figure.axes[:2]] == [1, 2]


def test_saliency_of_another_shape_raises() -> None:
    image = np.zeros((3, 4), np.float32)
    with pytest.raises(FeatureError, match=r"must have the image's shape, \(3, 4\)"):
        draw_saliency(image, image.T, image_spec(8000, 1.0), source="x.wav", prediction="a")
