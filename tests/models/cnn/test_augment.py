from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")

from auricle.models.cnn.augment import augmented, mixed  # noqa: E402
from auricle.models.cnn.settings import Augmentation  # noqa: E402

NOTHING = Augmentation(
    stretch=0, shift=0, roll=0, warp=0, transpose=0, gain_db=0, equalize_db=0, noise=0, masks=0, mask_width=0, mixup=0
)


def seeded() -> Any:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def bars() -> Any:
    images = torch.zeros(64, 16, 24)
    images[:, 8:10, 8:16] = 0.8
    return images


def test_all_augmentations_off_change_nothing(bars: Any) -> None:
    torch.testing.assert_close(augmented(bars, NOTHING, seeded()), bars, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "change",
    [
        {"stretch": 0.3},
        {"shift": 0.3},
        {"roll": 1.0},
        {"warp": 0.2},
        {"transpose": 0.2},
        {"gain_db": 6.0},
        {"equalize_db": 6.0},
        {"noise": 1.0},
        {"masks": 2, "mask_width": 0.5},
    ],
)
def test_each_augmentation_changes_images_within_the_range(bars: Any, change: dict[str, float]) -> None:
    before = bars.clone()
    changed = augmented(bars, replace(NOTHING, **change), seeded())
    assert torch.equal(bars, before)
    assert changed.shape == bars.shape
    assert torch.isfinite(changed).all()
    assert changed.min() >= 0
    assert changed.max() < 1.5
    assert len({image.numpy().tobytes() for image in changed}) > 8  # each in its own way


def test_shift_fills_with_silence(bars: Any) -> None:
    full = torch.ones_like(bars)
    shifted = augmented(full, replace(NOTHING, shift=0.3), seeded())
    assert (shifted[:, :, 12] == 1).all()
    assert (shifted == 0).any()


def test_roll_keeps_every_frame(bars: Any) -> None:
    marked = bars + torch.arange(24) / 100
    rolled = augmented(marked, replace(NOTHING, roll=1.0), seeded())
    torch.testing.assert_close(rolled.sum(dim=2), marked.sum(dim=2), atol=1e-3, rtol=0)
    torch.testing.assert_close(rolled.sort(dim=2).values, marked.sort(dim=2).values, atol=1e-4, rtol=0)


def test_background_is_added_in_power(bars: Any) -> None:
    background = torch.zeros(1, 16, 24)
    background[:, 2] = 1.0
    changed = augmented(bars, replace(NOTHING, noise=1.0), seeded(), background)
    assert (changed[:, 2].mean(dim=1) > changed[:, 4].mean(dim=1) + 0.2).float().mean() > 0.2
    assert (changed[:, 8, 10] >= 0.8 - 1e-5).all()


def test_mixup_mixes_images_and_targets_alike() -> None:
    images = torch.arange(8.0)[:, None, None].expand(8, 3, 5)
    targets = torch.arange(8.0)[:, None]
    mixed_images, mixed_targets = mixed(images, targets, 0.5, seeded())
    torch.testing.assert_close(mixed_images[:, 1, 2], mixed_targets[:, 0])
    assert not torch.equal(mixed_targets, targets)
    assert (abs(mixed_targets - targets) <= 0.5 * 7).all()  # each stays nearer to itself
