"""Whether torch is there, and where it computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal

from auricle.errors import UsageError

__all__ = ["chosen_device", "need_torch", "torch_threads"]


def chosen_device(device: str) -> Literal["cpu", "cuda"]:
    """Return where to train.

    Raises
    ------
    UsageError : another word, or no GPU where one is asked for
    """
    import torch

    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"`device` must be auto, cpu or cuda. Got {device!r}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("`device` cuda needs a GPU that torch can use. It finds none; use auto or cpu.")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def need_torch() -> None:
    """Hold that torch is installed.

    Raises
    ------
    UsageError : it is not; the extra is named
    """
    if find_spec("torch") is None:
        raise UsageError("The CNN needs torch. Install it: pip install 'auricle[cnn]'.")


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Let torch compute each operation on ``n`` threads, for the length of a block.

    The same seed gives the same network on the same number of threads.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
