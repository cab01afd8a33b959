"""torch's presence, device and threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal

from auricle.errors import UsageError

__all__ = ["chosen_device", "need_torch", "torch_threads"]


def chosen_device(device: str) -> Literal["cpu", "cuda"]:
    """Return the device to train on.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    UsageError
        An unknown device, or ``cuda`` without a GPU.
    """
    import torch

    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"`device` must be auto, cpu or cuda. Got {device!r}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("`device` cuda needs a GPU that torch can use. It finds none; use auto or cpu.")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def need_torch() -> None:
    """Check that torch is installed.

    Raises
    ------
    UsageError
        It is not.
    """
    if find_spec("torch") is None:
        raise UsageError("The CNN needs torch. Install it: pip install 'auricle[cnn]'.")


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Run torch operations on ``n`` threads in a ``with`` block; seeds are reproducible for one number of threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
