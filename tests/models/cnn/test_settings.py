"""Sizes of the network grow, and long images cost as much as short ones."""

from auricle.models.cnn.settings import SIZES, stem_of


def test_sizes_grow() -> None:
    cost = [sum(size.channels) * size.blocks for size in SIZES.values()]
    assert cost == sorted(cost)
    assert len(set(cost)) == len(cost)


def test_long_images_get_a_larger_stride() -> None:
    (_, short), (_, long) = stem_of(10), stem_of(10_000)
    assert short[0] == long[0]
    assert long[1] == 2 * short[1]
