"""Hyperparameters of network training: sizes, augmentation, optimisation; without torch."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["FLOOR_DB", "SIZES", "Augmentation", "Epoch", "Settings", "Size", "stem_of"]

FLOOR_DB: Final = 80.0
"""Range below the peak of an image; lower levels count as silence."""

_WIDE: Final = 192  # frames


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a network.

    Parameters
    ----------
    channels : tuple of int
        Channels of the stem and of each stage; each of them halves bands and frames.
    blocks : int
        Residual blocks per stage, including the one with stride 2.
    """

    channels: tuple[int, ...]
    blocks: int


SIZES: Final[dict[str, Size]] = {
    "tiny": Size((8, 16, 32, 64), 1),
    "small": Size((16, 32, 64, 128), 1),
    "medium": Size((32, 64, 128, 256), 2),
    "large": Size((64, 128, 256, 512), 3),
}
"""Sizes by name: tiny and small train on two CPU cores, the others need a GPU."""


def stem_of(frames: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return kernel and stride of the first convolution, over bands and frames.

    The frames of long images are as short as those of short ones; a larger stride keeps the cost the same.
    """
    return ((5, 9), (2, 4)) if frames >= _WIDE else ((5, 5), (2, 2))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strength of each augmentation; 0 turns it off.

    Parameters
    ----------
    stretch : float
        Largest logarithm of the change of tempo.
    shift : float
        Largest time shift as a share of the image; silence fills the gap.
    roll : float
        Probability of a circular time shift, for sounds without order.
    warp : float
        Largest logarithm of the scale of the mel axis, as between voices or sizes of machines.
    transpose : float
        Largest shift along the mel axis, as a share of it.
    gain_db : float
        Largest change of level, before noise is added.
    equalize_db : float
        Deviation of a smooth random filter, as between microphones or rooms.
    noise : float
        Probability of added noise or background.
    masks : int
        Number of time masks, and of frequency masks.
    mask_width : float
        Largest width of a mask as a share of the image.
    mixup : float
        Strength of mixup: parameter of a distribution like the beta distribution.

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
    """Hyperparameters of one training.

    Parameters
    ----------
    size : Size
    epochs : int
        Most passes over the images.
    batch : int
        Images per step; halved if the GPU's memory is too small.
    learning_rate : float
        Peak of the one-cycle schedule.
    weight_decay, dropout : float
    label_smoothing : float
        Share of every target spread over all classes.
    averaging : float
        Decay of the exponential moving average of the weights, which predicts.
    patience : int
        Epochs without a better validation score before training stops.
    augmentation : Augmentation
    device : str
        ``cpu`` or ``cuda``.
    seed : int
        Seed of weights, order and augmentation.
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
    """Progress after an epoch.

    Parameters
    ----------
    number : int
        From 1.
    of : int
        Most epochs.
    loss : float
        Mean over the augmented training images.
    score : float or None
        Accuracy or R² on the validation images; None without any.
    seconds : float
        Since the training began or resumed.
    """

    number: int
    of: int
    loss: float
    score: float | None
    seconds: float
