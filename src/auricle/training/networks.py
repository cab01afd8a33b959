"""Networks in training: checks for torch and the device, fixed settings, checkpoints and progress by epoch."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from auricle.datasets.feature_table import Progress
from auricle.features.cache import FeatureCache
from auricle.features.image import Image
from auricle.features.pipeline import FeatureBlock
from auricle.models.cnn.device import chosen_device, need_torch
from auricle.models.cnn.settings import Epoch
from auricle.models.table import MODELS

__all__ = ["check_networks", "checkpoint_folder", "epoch_reporter", "is_torch_installed", "network_settings"]


def check_networks(families: Sequence[str], device: str) -> None:
    """Check that the networks among ``families`` can be trained here.

    Raises
    ------
    UsageError : torch is not installed, or there is no such device
    """
    if any(MODELS[family].input_kind == "image" for family in families):
        need_torch()
        chosen_device(device)


def is_torch_installed() -> bool:
    """Whether networks can be trained here; imports nothing."""
    return find_spec("torch") is not None


def network_settings(image: FeatureBlock | None, device: str, checkpoints: Path | None) -> dict[str, Any]:
    """Return the settings of networks that are not searched; none without images."""
    return {} if not isinstance(image, Image) else {"shape": image.shape, "device": device, "checkpoints": checkpoints}


@contextmanager
def checkpoint_folder(cache: FeatureCache | None, training: str) -> Iterator[Path | None]:
    """Give a folder for the checkpoints of networks; it is removed after a training, and survives a kill.

    Parameters
    ----------
    cache : FeatureCache or None
        The folder lies in the cache's; None keeps no checkpoints.
    training : str
        Identifies the training. A checkpoint is keyed by the data and settings of its network, so a training never
        resumes from a network fitted to other data.
    """
    if cache is None:
        yield None
        return
    folder = cache.folder / "networks" / hashlib.sha256(training.encode()).hexdigest()[:16]
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def epoch_reporter(progress: Progress, name: str) -> Callable[[Epoch], None]:
    """Return a callback that reports each epoch of a network under its name."""

    def report(epoch: Epoch) -> None:
        score = "" if epoch.score is None else f", score {epoch.score:.3f}"
        progress("epochs", epoch.number, epoch.of, f"{name}: loss {epoch.loss:.3f}{score}")

    return report
