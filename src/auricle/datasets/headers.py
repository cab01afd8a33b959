"""Sample rate and duration of every recording, read from its header without decoding."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auricle.audio.channels import EACH, MEAN, check_channel
from auricle.audio.decode import open_sound
from auricle.datasets.dataset import Dataset, Example
from auricle.errors import AuricleError
from auricle.records import Omitted, count_omitted
from auricle.runtime.compute import parallel_map

__all__ = ["Headers", "hear_channel", "read_headers"]


@dataclass(frozen=True, slots=True, eq=False)
class Headers:
    """Sample rates and durations, for choosing features before any sound is decoded.

    Recordings that cannot be opened are left out: decoding names them later.

    Parameters
    ----------
    rate_hz, channels : int64, shape (n,)
    duration_s : float64, shape (n,)
        NaN where the header has no length.
    examples : int64, shape (n,)
        Index of each recording in its dataset.
    omitted : tuple of Omitted
        What of the files is not decoded.
    """

    rate_hz: NDArray[np.int64]
    duration_s: NDArray[np.float64]
    examples: NDArray[np.int64]
    channels: NDArray[np.int64]
    omitted: tuple[Omitted, ...] = ()


def read_headers(dataset: Dataset, *, workers: int | None = None) -> Headers:
    """Read the header of every recording.

    Parameters
    ----------
    dataset : Dataset
    workers : int, optional
        Threads; None for every core.
    """
    found = enumerate(parallel_map(_header, dataset.examples, workers=workers))
    headers = [(*header, index) for index, header in found if header is not None]
    rate_hz, duration_s, channels, left_out, examples = zip(*headers, strict=True) if headers else ((),) * 5
    files = [str(dataset.examples[index].file) for index in examples]
    unread = {(what, file): None for file, each in zip(files, left_out, strict=True) for what in each}
    return Headers(
        np.array(rate_hz, np.int64),
        np.array(duration_s, np.float64),
        np.array(examples, np.int64),
        np.array(channels, np.int64),
        count_omitted(("parts of files", what, file) for what, file in unread),
    )


def _header(example: Example) -> tuple[int, float, int, tuple[str, ...]] | None:
    try:
        with open_sound(example.file) as sound:
            file_s = float("nan") if sound.n_frames is None else sound.n_frames / sound.rate_hz
            end_s = file_s if example.end_s is None else example.end_s
            return sound.rate_hz, end_s - example.start_s, sound.channels, sound.left_out
    except AuricleError:
        return None


def hear_channel(dataset: Dataset, headers: Headers, channel: str) -> Dataset:
    """Return the dataset with a channel of every recording.

    ``each`` makes every channel a recording of its own, in the group of its file. An example that names a channel keeps
    it.

    Parameters
    ----------
    dataset : Dataset
    headers : Headers
        Of its recordings.
    channel : str
        ``mean``, ``each``, ``max-energy`` or a number from 0.

    Raises
    ------
    UsageError : another channel
    """
    check_channel(channel)
    if channel != EACH:
        heard = (e if e.channel != MEAN else replace(e, channel=channel) for e in dataset.examples)
        return replace(dataset, examples=tuple(heard))
    counts = np.ones(len(dataset), np.int64)
    counts[headers.examples] = headers.channels
    examples = (
        example if count == 1 or example.channel != MEAN else replace(example, channel=str(number))
        for example, count in zip(dataset.examples, counts.tolist(), strict=True)
        for number in range(count if example.channel == MEAN else 1)
    )
    return replace(dataset, examples=tuple(examples))
