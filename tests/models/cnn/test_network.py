import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")

from auricle.models.cnn.network import Network, normalised  # noqa: E402
from auricle.models.cnn.settings import SIZES  # noqa: E402


def test_normalised_peak_is_one() -> None:
    images = torch.tensor([[[0.0, -40.0, -100.0]], [[-30.0, -70.0, -130.0]]])
    expected = torch.tensor([[[1.0, 0.5, 0.0]], [[1.0, 0.5, 0.0]]])
    torch.testing.assert_close(normalised(images), expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(16, 24), (40, 33), (16, 250)])
def test_sizes_and_shapes(size: str, shape: tuple[int, int]) -> None:
    network = Network(SIZES[size], shape[1], 3, 0.1).eval()
    assert network(torch.rand(2, *shape)).shape == (2, 3)


def test_wide_image_has_a_larger_stride() -> None:
    wide, narrow = (Network(SIZES["tiny"], frames, 3, 0.0).stem(torch.rand(1, 2, 64, frames)) for frames in (256, 128))
    assert wide.shape == narrow.shape


def test_dropout_draws_from_the_given_generator() -> None:
    network = Network(SIZES["tiny"], 24, 3, 0.5).eval()
    images = torch.rand(2, 16, 24)
    one, same, other = (network(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(network(images), network(images))
