"""The residual network in torch: normalised log-mel images in, one output per class (or one value) out."""

import torch
from torch import Tensor, nn

from auricle.models.cnn.settings import FLOOR_DB, Size, stem_of

__all__ = ["Network", "normalised"]


def normalised(images: Tensor) -> Tensor:
    """Normalise images, shape (n, bands, frames) in dB, to 0 for silence and 1 for the peak of each image.

    This removes the level, which depends on distance and gain of the microphone.
    """
    peak = images.amax(dim=(1, 2), keepdim=True)
    return torch.relu(images - peak + FLOOR_DB) / FLOOR_DB


def _conv(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int]) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=(kernel[0] // 2, kernel[1] // 2), bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class _Block(nn.Module):  # type: ignore[misc]  # torch is an extra: mypy never sees its types
    """Two convolutions with a residual connection."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        steps = stride, stride
        self.first = _conv(inputs, outputs, (3, 3), steps)
        self.second = _conv(outputs, outputs, (3, 3), (1, 1))
        self.around = _conv(inputs, outputs, (1, 1), steps) if stride > 1 or inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))) + self.around(x))


class Network(nn.Module):  # type: ignore[misc]  # as above
    """Residual network over log-mel images.

    Parameters
    ----------
    size : Size
    frames : int
        Frames per image.
    n_outputs : int
        Number of classes, or 1.
    dropout : float
        Share of the last layer's inputs dropped in training.
    """

    def __init__(self, size: Size, frames: int, n_outputs: int, dropout: float) -> None:
        super().__init__()
        first, *rest = size.channels
        self.stem = _conv(2, first, *stem_of(frames))
        stages: list[nn.Module] = []
        for inputs, outputs in zip(size.channels, rest, strict=False):
            stages.append(_Block(inputs, outputs, 2))
            stages += [_Block(outputs, outputs, 1) for _ in range(size.blocks - 1)]
        self.stages = nn.Sequential(*stages)
        self.dropout = dropout
        self.head = nn.Linear(2 * rest[-1], n_outputs)

    def forward(self, images: Tensor, random: torch.Generator | None = None) -> Tensor:
        """Return outputs, shape (n, n_outputs), for images from :func:`normalised`, shape (n, bands, frames).

        Parameters
        ----------
        images : Tensor
        random : torch Generator, optional
            Draws the dropout, instead of torch's global generator, which all threads share; None for no dropout.
        """
        # The second channel is without the mean of each band: without the response of microphone, room or voice.
        changes = images - images.mean(dim=2, keepdim=True)
        x = torch.relu(self.stem(torch.stack([images, changes], dim=1)))
        x = self.stages(x).mean(dim=2)
        x = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)
        if random is not None:
            kept = torch.rand(x.shape, generator=random, device=x.device) >= self.dropout
            x = x * kept / (1 - self.dropout)
        return self.head(x)
