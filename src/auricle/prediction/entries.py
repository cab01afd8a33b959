"""What is kept of an answer: the same whether a server, a batch or a live stream gave it."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from auricle.clock import new_id, now
from auricle.records import Entry, Metadata, Prediction

if TYPE_CHECKING:
    from auricle.prediction.stream import Stream

__all__ = ["entry"]


def entry(
    stream: "Stream",
    prediction: Prediction,
    *,
    parts: Iterable[Prediction] = (),
    source: str | None = None,
    channels: int | None = None,
    key: str = "",
    group: str | None = None,
    metadata: Metadata | None = None,
    audio: str | None = None,
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
    audio : SHA-256 of the sound, where it is kept
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
        audio=audio,
    )
