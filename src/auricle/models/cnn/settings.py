"""What can be set about training a network; plain numbers, so that settings can be read without torch."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["FLOOR_DB", "SIZES", "Augmentation", "Epoch", "Settings", "Size", "stem_of"]

FLOOR_DB: Final = 80.0
"""Levels further below an image's loudest count as silence."""

_WIDE: Final = 192  # frames


@dataclass(frozen=True, slots=True)
class Size:
    """How large a network is.

    Parameters
    ----------
    channels : of the stem and of each stage; every one of them halves bands and frames
    blocks : residual blocks in a stage, the one that halves included
    """

    channels: tuple[int, ...]
    blocks: int


SIZES: Final[dict[str, Size]] = {
    "tiny": Size((8, 16, 32, 64), 1),
    "small": Size((16, 32, 64, 128), 1),
    "medium": Size((32, 64, 128, 256), 2),
    "large": Size((64, 128, 256, 512), 3),
}
"""Sizes by name: tiny and small train on two CPU cores, the others want a GPU."""


def stem_of(frames: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return kernel and stride of the first convolution, over bands and frames.

    Images of several seconds have frames short enough for a click; the first convolution gathers them, so that a wide
    image costs no more than a narrow one.
    """
    return ((5, 9), (2, 4)) if frames >= _WIDE else ((5, 5), (2, 2))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far images are changed while training; 0 turns a change off.

    Parameters
    ----------
    stretch : largest change of tempo: its logarithm
    shift : largest shift in time, in parts of the image; what leaves it is cropped, what enters is silence
    roll : probability that an image begins anywhere in itself, its end followed by its start: for sounds without order
    warp : largest change of the mel axis's scale, as another voice or a larger machine makes: its logarithm
    transpose : largest shift along the mel axis, in parts of it
    gain_db : largest change of level, before anything else is laid under
    equalize_db : deviation of a smooth curve over frequency: another microphone, another room
    noise : probability that noise, or a background, is laid under
    masks : stretches of time, and as many of frequency, that are blanked
    mask_width : their largest width, in parts of the image
    mixup : how far pairs are mixed: parameter of a distribution like the beta distribution

    Source: Park et al. (2019), SpecAugment; Jaitly and Hinton (2013), vocal tract length perturbation; Nam et al.
    (2022), FilterAugment; Zhang et al. (2018), mixup.
    """

    stretch: float = 0.2
    shift: float = 0.15
    roll: float = 0.0
    warp: float = 0.12
    transpose: float = 0.04
    gain_db: float = 6.0
    equalize_db: float = 4.0
    noise: float = 0.5
    masks: int = 1
    mask_width: float = 0.15
    mixup: float = 0.2


@dataclass(frozen=True, slots=True)
class Settings:
    """How a network is trained.

    Parameters
    ----------
    size : of the network
    epochs : most passes over the images
    batch : images in a step; halved where a GPU's memory is too small
    learning_rate : its peak, in one cycle over all epochs
    weight_decay, dropout : shrink and thin the network
    label_smoothing : part of every answer that is spread over all classes
    averaging : weights are averaged over about 1 / (1 - averaging) steps, and the average answers
    patience : epochs without a better score on validation images before training stops
    augmentation : how images are changed
    device : "cpu" or "cuda"
    seed : of weights, order and augmentation
    """

    size: Size
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    label_smoothing: float
    averaging: float
    patience: int
    augmentation: Augmentation
    device: Literal["cpu", "cuda"]
    seed: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """What is told after each epoch.

    Parameters
    ----------
    number : from 1 on
    of : how many there will be at most
    loss : mean over the training images, as augmented
    score : accuracy, or R², on the validation images; None without any
    seconds : since training began, or went on
    """

    number: int
    of: int
    loss: float
    score: float | None
    seconds: float
