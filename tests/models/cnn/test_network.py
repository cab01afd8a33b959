import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")

from auricle.models.cnn.network import Network, normalised  # noqa: E402
from auricle.models.cnn.settings import SIZES  # noqa: E402


def test_the_loudest_point_is_the_reference() -> None:
    images = torch.tensor([[[0.0, -40.0, -100.0]], [[-30.0, -70.0, -130.0]]])
    expected = torch.tensor([[[1.0, 0.5, 0.0]], [[1.0, 0.5, 0.0]]])
    torch.testing.assert_close(normalised(images), expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(16, 24), (40, 33)])
def test_sizes_and_shapes(size: str, shape: tuple[int, int]) -> None:
    network = Network(SIZES[size], 3, 0.1).eval()
    assert network(torch.rand(2, *shape)).shape == (2, 3)
