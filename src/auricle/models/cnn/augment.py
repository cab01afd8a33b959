"""Augmentation of batches of log-mel images in torch: time and frequency shifts, gain, filters, noise, masks, mixup.

Images are normalised by `network.normalised`: 0 is silence, 1 the peak, `FLOOR_DB` decibels between.
"""

import torch
from torch import Tensor
from torch.nn import functional

from auricle.models.cnn.settings import FLOOR_DB, Augmentation

__all__ = ["augmented", "mixed"]


def augmented(images: Tensor, how: Augmentation, random: torch.Generator, background: Tensor | None = None) -> Tensor:
    """Return augmented copies of images.

    Parameters
    ----------
    images : Tensor, shape (n, bands, frames)
    how : Augmentation
    random : torch Generator
        On the images' device.
    background : Tensor, shape (m, bands, frames), optional
        Normalised images that are added, as noise is.
    """
    if how.roll:
        images = _rolled(images, how.roll, random)
    images = _moved(images, how, random)
    if how.gain_db:
        gain = _uniform(len(images), how.gain_db / FLOOR_DB, images, random)[:, None, None]
        images = torch.where(images > 0, (images + gain).clamp(min=0), images)
    if how.equalize_db:
        images = _equalized(images, how.equalize_db, random)
    if how.noise:
        images = _noisy(images, how.noise, random, background)
    for _ in range(how.masks):
        images = _masked(images, how.mask_width, 1, random)
        images = _masked(images, how.mask_width, 2, random)
    return images


def _uniform(n: int, limit: float, like: Tensor, random: torch.Generator) -> Tensor:
    return (torch.rand(n, generator=random, device=like.device) * 2 - 1) * limit


def _rolled(images: Tensor, part: float, random: torch.Generator) -> Tensor:
    n, bands, frames = images.shape
    start = torch.randint(frames, (n,), generator=random, device=images.device)
    start = start * (torch.rand(n, generator=random, device=images.device) < part)
    index = (start[:, None] + torch.arange(frames, device=images.device)) % frames
    return images.gather(2, index[:, None].expand(n, bands, frames))


def _moved(images: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    """Stretch, warp and shift in one interpolation; silence fills the gaps."""
    n = len(images)
    affine = images.new_zeros(n, 2, 3)
    affine[:, 0, 0] = torch.exp(_uniform(n, how.stretch, images, random))
    affine[:, 0, 2] = _uniform(n, 2 * how.shift, images, random)
    scale = torch.exp(_uniform(n, how.warp, images, random))
    affine[:, 1, 1] = scale
    affine[:, 1, 2] = scale - 1 + _uniform(n, 2 * how.transpose, images, random)  # the lowest band stays in place
    grid = functional.affine_grid(affine, [n, 1, *images.shape[1:]], align_corners=False)
    return functional.grid_sample(images.unsqueeze(1), grid, align_corners=False).squeeze(1)


def _equalized(images: Tensor, deviation_db: float, random: torch.Generator) -> Tensor:
    """Add a smooth random filter over frequency, where there is sound."""
    n, bands, _ = images.shape
    place = torch.linspace(0, torch.pi, bands, device=images.device)
    waves = torch.cos(torch.arange(1, 5, device=images.device)[:, None] * place)
    weights = torch.randn(n, 4, generator=random, device=images.device) * (deviation_db / FLOOR_DB / 2)
    return torch.where(images > 0, (images + (weights @ waves)[:, :, None]).clamp(min=0), images)


def _noisy(images: Tensor, part: float, random: torch.Generator, background: Tensor | None) -> Tensor:
    """Add noise of a random spectral slope, or a background, to some of the images, in power."""
    n, bands, _ = images.shape
    device = images.device
    level = torch.rand(n, generator=random, device=device)[:, None, None] * 0.6 + 0.05  # 76 to 28 dB below the peak
    slope = _uniform(n, 0.25, images, random)[:, None, None] * torch.linspace(-1, 1, bands, device=device)[:, None]
    speckle = torch.rand(images.shape, generator=random, device=device).clamp(min=1e-3)
    noise = level + slope + torch.log10(-torch.log(speckle) + 1e-3) * (10 / FLOOR_DB)
    if background is not None:
        chosen = torch.randint(len(background), (n,), generator=random, device=device)
        use = torch.rand(n, generator=random, device=device)[:, None, None] < 0.5
        noise = torch.where(use, background[chosen] - 1 + level + 0.3, noise)
    is_noisy = torch.rand(n, generator=random, device=device)[:, None, None] < part
    decades = FLOOR_DB / 10
    total = torch.log10(10 ** (images * decades) + 10 ** (noise * decades)) / decades
    return torch.where(is_noisy, total.clamp(min=0), images)


def _masked(images: Tensor, width: float, axis: int, random: torch.Generator) -> Tensor:
    n, length = len(images), images.shape[axis]
    wide = torch.rand(n, generator=random, device=images.device) * width * length
    start = torch.rand(n, generator=random, device=images.device) * (length - wide)
    place = torch.arange(length, device=images.device)
    hidden = (place >= start[:, None]) & (place < (start + wide)[:, None])
    return images.masked_fill(hidden.unsqueeze(3 - axis), 0.0)


def mixed(images: Tensor, targets: Tensor, alpha: float, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return mixup of each image and target with those of another image."""
    n = len(images)
    order = torch.randperm(n, generator=random, device=images.device)
    # torch's beta distribution takes no generator; a power of a uniform favours weak mixtures likewise.
    share = 0.5 * torch.rand(n, generator=random, device=images.device) ** (1 / alpha)
    by_image, by_target = share[:, None, None], share[:, None]
    return images + by_image * (images[order] - images), targets + by_target * (targets[order] - targets)
