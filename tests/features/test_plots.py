from pathlib import Path

import numpy as np
import pytest

from auricle.errors import FeatureError
from auricle.features.image import Image, image_spec
from auricle.features.plots import draw_explained, save


def test_draws_the_image_and_what_was_heard(tmp_path: Path, rng: np.random.Generator) -> None:
    part = Image(image_spec(8000, 1.0))
    image = part.row(0.1 * rng.standard_normal(8000), 8000).reshape(part.shape)
    heard = rng.normal(0, 0.1, part.shape).astype(np.float32)
    figure = draw_explained(image, heard, part.spec, source="clips/dog.wav", answer="dog (0.93)")
    assert figure.get_suptitle() == "dog.wav   answered: dog (0.93)"
    assert [len(axis.images) for axis in figure.axes[:2]] == [1, 2]
    save(figure, tmp_path / "heard.png")
    assert (tmp_path / "heard.png").stat().st_size > 10_000


def test_nothing_heard_is_drawn_too(rng: np.random.Generator) -> None:
    part = Image(image_spec(8000, 1.0))
    image = part.row(0.1 * rng.standard_normal(8000), 8000).reshape(part.shape)
    figure = draw_explained(image, np.zeros_like(image), part.spec, source="x.wav", answer="1200")
    assert [len(axis.images) for axis in figure.axes[:2]] == [1, 2]


def test_refuses_another_shape() -> None:
    image = np.zeros((3, 4), np.float32)
    with pytest.raises(FeatureError, match=r"must have the image's shape, \(3, 4\)"):
        draw_explained(image, image.T, image_spec(8000, 1.0), source="x.wav", answer="a")
