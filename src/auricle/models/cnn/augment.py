"""Augmentation of whole batches of images in torch: what may change about a sound while it stays what it is.

Images are those that `network.normalised` gives: 0 is silence, 1 the peak, `FLOOR_DB` decibels between.
"""

import torch
from torch import Tensor
from torch.nn import functional

from auricle.models.cnn.settings import FLOOR_DB, Augmentation

__all__ = ["augmented", "mixed"]


def augmented(images: Tensor, how: Augmentation, random: torch.Generator, background: Tensor | None = None) -> Tensor:
    """Return changed copies of images, shape (n, bands, frames).

    Parameters
    ----------
    random : on the images' device
    background : images of the same kind, shape (m, bands, frames), that are laid under, as noise is
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


def _uniform(n: int, reach: float, like: Tensor, random: torch.Generator) -> Tensor:
    return (torch.rand(n, generator=random, device=like.device) * 2 - 1) * reach


def _rolled(images: Tensor, part: float, random: torch.Generator) -> Tensor:
    n, bands, frames = images.shape
    start = torch.randint(frames, (n,), generator=random, device=images.device)
    start = start * (torch.rand(n, generator=random, device=images.device) < part)
    place = (start[:, None] + torch.arange(frames, device=images.device)) % frames
    return images.gather(2, place[:, None].expand(n, bands, frames))


def _moved(images: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    """Stretch, warp and shift in one interpolation; what comes in from outside is silence."""
    n = len(images)
    to = images.new_zeros(n, 2, 3)
    to[:, 0, 0] = torch.exp(_uniform(n, how.stretch, images, random))
    to[:, 0, 2] = _uniform(n, 2 * how.shift, images, random)
    scale = torch.exp(_uniform(n, how.warp, images, random))
    to[:, 1, 1] = scale
    to[:, 1, 2] = scale - 1 + _uniform(n, 2 * how.transpose, images, random)  # the lowest band stays where it is
    grid = functional.affine_grid(to, [n, 1, *images.shape[1:]], align_corners=False)
    return functional.grid_sample(images.unsqueeze(1), grid, align_corners=False).squeeze(1)


def _equalized(images: Tensor, deviation_db: float, random: torch.Generator) -> Tensor:
    """Add a smooth curve over frequency, where there is sound."""
    n, bands, _ = images.shape
    place = torch.linspace(0, torch.pi, bands, device=images.device)
    waves = torch.cos(torch.arange(1, 5, device=images.device)[:, None] * place)
    weights = torch.randn(n, 4, generator=random, device=images.device) * (deviation_db / FLOOR_DB / 2)
    return torch.where(images > 0, (images + (weights @ waves)[:, :, None]).clamp(min=0), images)


def _noisy(images: Tensor, part: float, random: torch.Generator, background: Tensor | None) -> Tensor:
    """Lay noise of a random slope, or a background, under some of the images: powers add."""
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
    wanted = torch.rand(n, generator=random, device=device)[:, None, None] < part
    decades = FLOOR_DB / 10
    total = torch.log10(10 ** (images * decades) + 10 ** (noise * decades)) / decades
    return torch.where(wanted, total.clamp(min=0), images)


def _masked(images: Tensor, width: float, axis: int, random: torch.Generator) -> Tensor:
    n, length = len(images), images.shape[axis]
    wide = torch.rand(n, generator=random, device=images.device) * width * length
    start = torch.rand(n, generator=random, device=images.device) * (length - wide)
    place = torch.arange(length, device=images.device)
    hidden = (place >= start[:, None]) & (place < (start + wide)[:, None])
    return images.masked_fill(hidden.unsqueeze(3 - axis), 0.0)


def mixed(images: Tensor, targets: Tensor, alpha: float, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return each image and target mixed with another's."""
    n = len(images)
    order = torch.randperm(n, generator=random, device=images.device)
    # Torch's beta distribution takes no generator; a power of a uniform favours weak mixtures in the same way.
    share = 0.5 * torch.rand(n, generator=random, device=images.device) ** (1 / alpha)
    by_image, by_target = share[:, None, None], share[:, None]
    return images + by_image * (images[order] - images), targets + by_target * (targets[order] - targets)
