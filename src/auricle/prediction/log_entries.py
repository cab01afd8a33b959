"""Build the log entry of a predicted recording, from its stream and its predictions, for the store."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath

from auricle.prediction.stream import Stream
from auricle.records import Entry, Metadata, Prediction
from auricle.runtime.clock import new_id, now

__all__ = ["build_entry"]


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
    """Return the log entry of a recording; server, batch run and live stream all log this one.

    Parameters
    ----------
    stream : Stream
        The stream that the recording went through, before the next samples are pushed.
    prediction : Prediction
        The recording's, from ``stream.recording()``.
    parts : iterable of Prediction
        Windows or events of the recording, if they were requested.
    source : str, optional
        Name of the file; None for the stream's source.
    channels : int, optional
        Channels of the original sound; None for the stream's.
    key : str
        Id of the API key of the request.
    group : str, optional
        Recordings of one group are not independent. None for the key, or without one for the folder in ``source``.
    metadata : mapping of str to str, optional
        Sent along with the recording.
    identity : str, optional
        Id of the entry; None for a new one.
    time : datetime, UTC, optional
        Time of the request; None for now.
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
