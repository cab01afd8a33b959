"""A quick look at every recording's header, for choosing a rate and a window before any sound is decoded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.audio.decode import open_sound
from auricle.datasets.dataset import Dataset, Example
from auricle.errors import AuricleError
from auricle.runtime.compute import parallel_map

__all__ = ["Headers", "read_headers"]


@dataclass(frozen=True, slots=True, eq=False)
class Headers:
    """What headers say; a recording that cannot be opened is left out, and decoding will name it.

    Parameters
    ----------
    rate_hz : int64, shape (n,)
    duration_s : float64, shape (n,); NaN where the header does not say
    """

    rate_hz: NDArray[np.int64]
    duration_s: NDArray[np.float64]


def read_headers(dataset: Dataset, *, workers: int | None = None) -> Headers:
    """Read the rate and length of every recording from its header."""
    looks = [look for look in parallel_map(_look, dataset.examples, workers=workers) if look is not None]
    return Headers(
        np.array([rate for rate, _ in looks], np.int64), np.array([length for _, length in looks], np.float64)
    )


def _look(example: Example) -> tuple[int, float] | None:
    try:
        with open_sound(example.file) as sound:
            whole_s = float("nan") if sound.n_frames is None else sound.n_frames / sound.rate_hz
            end_s = whole_s if example.end_s is None else example.end_s
            return sound.rate_hz, end_s - example.start_s
    except AuricleError:
        return None
