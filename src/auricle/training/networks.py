"""What networks need of a training: torch, images of one size, a device, and a folder to go on from after a kill."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from auricle.datasets.feature_table import Progress
from auricle.features.cache import FeatureCache
from auricle.features.image import Image, image_spec
from auricle.features.pipeline import FeatureBlock
from auricle.models.cnn.device import chosen_device, need_torch
from auricle.models.cnn.settings import Epoch
from auricle.models.table import MODELS

__all__ = ["are_within_reach", "check_networks", "checkpoints", "epoch_reporter", "images_of", "network_settings"]


def check_networks(families: Sequence[str], device: str) -> None:
    """Hold that networks that were asked for can be trained here, before anything is computed.

    Raises
    ------
    UsageError : torch is not installed, or there is no such device
    """
    if any(MODELS[family].input_kind == "image" for family in families):
        need_torch()
        chosen_device(device)


def are_within_reach() -> bool:
    """Whether networks can be trained here, for who did not ask for them."""
    return find_spec("torch") is not None


def images_of(rate_hz: int, longest_s: float) -> Image:
    """Return what makes images of windows: of one size, which holds one of ``longest_s``."""
    return Image(image_spec(rate_hz, longest_s))


def network_settings(image: FeatureBlock | None, device: str, folder: Path | None) -> dict[str, Any]:
    """Return the settings of networks that are not a matter of choice; none where there are no images."""
    return {} if not isinstance(image, Image) else {"shape": image.shape, "device": device, "checkpoints": folder}


@contextmanager
def checkpoints(cache: FeatureCache | None, training: str) -> Iterator[Path | None]:
    """Give a folder where networks are kept while a training lasts; a killed one leaves it, and finds it again.

    Parameters
    ----------
    cache : beside whose features it lies; None keeps nothing
    training : what tells it from others; a network is known by all that it learns from, so nothing else is taken for it
    """
    if cache is None:
        yield None
        return
    folder = cache.folder / "networks" / hashlib.sha256(training.encode()).hexdigest()[:16]
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def epoch_reporter(progress: Progress, name: str) -> Callable[[Epoch], None]:
    """Return what tells of every epoch of a network of that name; of several side by side, in turns."""

    def tell(epoch: Epoch) -> None:
        score = "" if epoch.score is None else f", score {epoch.score:.3f}"
        progress("epochs", epoch.number, epoch.of, f"{name}: loss {epoch.loss:.3f}{score}")

    return tell
