"""What is kept of an answer: the same whether a server, a batch or a live stream gave it."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from auricle.prediction.stream import Stream
from auricle.records import Entry, Metadata, Prediction
from auricle.runtime.clock import new_id, now

__all__ = ["MOST_ROWS", "RowSampler", "build_entry"]


def build_entry(
    stream: Stream,
    prediction: Prediction,
    *,
    parts: Iterable[Prediction] = (),
    source: str | None = None,
    channels: int | None = None,
    key: str = "",
    group: str | None = None,
    metadata: Metadata | None = None,
    identity: str | None = None,
    time: datetime | None = None,
) -> Entry:
    """Return what is to be kept of a recording that a stream has answered.

    Parameters
    ----------
    stream : what the recording went through, before anything else is pushed
    prediction : the recording's answer, which ``stream.recording()`` gave
    parts : answers to its windows or events, where they were asked for
    source : the file's name as it was told; None for what the stream calls it
    channels : channels of the sound as it came; None for what the stream was told
    key : id of the API key that asked
    group : recordings of one group are not independent; None for the key, or without one the folder that the source
        names
    metadata : what was told about the recording
    identity : the entry's id; None for a new one
    time : when it was asked, in UTC; None for now
    """
    name = stream.source if source is None else source
    folder = PurePath(name).parent.as_posix()
    return Entry(
        id=new_id() if identity is None else identity,
        time=time or now(),
        model=prediction.model,
        predictions=(prediction, *parts),
        standard=stream.standard_row(),
        rows=stream.rows(),
        key=key,
        group=group if group is not None else key or (folder if folder != "." else ""),
        metadata=dict(metadata or {}),
        source=name,
        rate_hz=stream.rate_hz,
        channels=stream.channels if channels is None else channels,
    )


MOST_ROWS = 32


class RowSampler:
    """Keeps the first row and every k-th after it; whenever they are too many, every other one goes and k doubles.

    Which rows are kept depends on how many came, and on nothing else.

    Parameters
    ----------
    most : rows that are kept at most, an even number
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._kept: list[NDArray[np.float32]] = []
        self._every = 1
        self._n_seen = 0

    def add(self, row: NDArray[np.float32]) -> None:
        """Take the next row, which nobody may change afterwards."""
        if self._n_seen % self._every == 0:
            if len(self._kept) == self._most:
                del self._kept[1::2]
                self._every *= 2
            self._kept.append(row)
        self._n_seen += 1

    def rows(self) -> list[NDArray[np.float32]]:
        """Return the rows that are kept, in the order in which they came."""
        return list(self._kept)
