"""How many threads torch computes on: one a fit where fits run side by side."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["torch_threads"]


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
