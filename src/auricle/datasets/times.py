"""Recording times: parse them, and cut a dataset into blocks by time, to train on the past and test on the future."""

import math
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset
from auricle.errors import SplitError

__all__ = ["blocks_by_time", "made_at", "seconds"]

_YEAR_10000_S = 253_402_300_800.0  # larger numbers are milliseconds, or not times


def made_at(time: str | None) -> np.datetime64:
    """Return the time of a recording, datetime64[us] in UTC; NaT for None and for text that is not a time.

    Times are ISO 8601 (without an offset they are UTC) or seconds since 1970.
    """
    at_s = math.nan if time is None else _timestamp_s(time)
    return np.datetime64(round(at_s * 1e6) if abs(at_s) < _YEAR_10000_S else "NaT", "us")


def seconds(dataset: Dataset) -> NDArray[np.float64]:
    """Return the time of each recording in seconds, shape (n,).

    Times are ISO 8601 (without an offset they are UTC) or plain numbers.

    Raises
    ------
    SplitError
        A recording has no time, or one that is neither.
    """
    return np.array([_second(example.time, f"{dataset.source}: {example.file}") for example in dataset.examples])


def blocks_by_time(dataset: Dataset, n_blocks: int) -> NDArray[np.intp]:
    """Cut a dataset into consecutive blocks of about equally many recordings; block 0 is the latest.

    Groups stay whole, ordered by their last recording: every recording of the other blocks is older than the end of
    any group in block 0.

    Returns
    -------
    intp, shape (n,)
        Block of each recording.

    Raises
    ------
    SplitError
        Times that are missing or unreadable, or fewer groups than blocks.
    """
    at = seconds(dataset)
    names, group_of = np.unique(dataset.groups, return_inverse=True)
    if len(names) < n_blocks:
        raise SplitError(
            f"{dataset.source}: a split by time needs at least {n_blocks} groups. Got {len(names)}. "
            "Name a finer group, or none."
        )
    last = np.full(len(names), -np.inf)
    np.maximum.at(last, group_of, at)
    order = np.argsort(-last, kind="stable")
    sizes = np.bincount(group_of)[order]
    middle = np.cumsum(sizes) - sizes / 2
    # Blocks hold equal numbers of recordings as far as groups allow, and none is empty.
    block = np.minimum((middle / sizes.sum() * n_blocks).astype(np.intp), n_blocks - 1)
    least = np.arange(len(names)) - (len(names) - n_blocks)
    for i in range(len(names)):
        previous = block[i - 1] if i else -1
        block[i] = min(max(block[i], least[i], previous), previous + 1)
    of_group = np.empty(len(names), np.intp)
    of_group[order] = block
    return np.asarray(of_group[group_of])


def _second(text: str | None, name: str) -> float:
    if text is None:
        raise SplitError(f"{name}: a split by time needs a time for every recording. This one has none.")
    at = _timestamp_s(text)
    if not math.isfinite(at):
        raise SplitError(
            f"{name}: a time must be ISO 8601, such as 2026-03-01T14:30:00Z, or a number of seconds. Got {text!r}."
        )
    return at


def _timestamp_s(text: str) -> float:
    """Return a time as seconds since 1970; NaN if it is not a time."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
