"""How an entry becomes a row of the table of predictions, and a row an entry again."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from auricle.records import Entry, Metadata, Prediction, Quality
from auricle.runtime import clock

__all__ = ["FLOAT32", "from_row", "storable", "to_row"]

FLOAT32 = np.dtype("<f4")

_MEASURES = tuple(field.name for field in fields(Quality))
_ANSWERED = tuple(field.name for field in fields(Prediction))


def to_row(entry: Entry) -> dict[str, Any]:
    """Return an entry as the columns of its row."""
    answer, parts = entry.recording, entry.predictions[1:]
    low, high = answer.interval or (None, None)
    row = {
        "id": entry.id,
        "time_us": clock.to_us(entry.time),
        "model": storable(entry.model),
        "key": storable(entry.key),
        "group_name": storable(entry.group),
        "source": storable(entry.source),
        "rate_hz": entry.rate_hz,
        "channels": entry.channels,
        "audio": entry.audio,
        "start_s": answer.start_s,
        "end_s": answer.end_s,
        "label": None if answer.label is None else storable(answer.label),
        "value": answer.value,
        "low": low,
        "high": high,
        "confidence": answer.confidence,
        "novelty": answer.novelty,
        "unknown": answer.unknown,
        "probabilities": None if answer.probabilities is None else _json(answer.probabilities),
        "labels": None if answer.labels is None else _json(answer.labels),
        "quality": None if answer.quality is None else _json(_shallow(answer.quality, _MEASURES)),
        "metadata": _json(entry.metadata),
        "standard": _bytes(entry.standard),
        "n_rows": len(entry.rows),
        "parts": _json([_shallow(part, _ANSWERED) for part in parts]) if parts else None,
        "rows": _bytes(entry.rows),
    }
    return row | {"n_bytes": sum(len(value) if isinstance(value, str | bytes) else 8 for value in row.values())}


def from_row(row: sa.Row[Any]) -> Entry:
    """Return the entry of a row that has all the columns."""
    answer = Prediction(
        "recording",
        row.start_s,
        row.end_s,
        row.model,
        label=row.label,
        value=row.value,
        probabilities=None if row.probabilities is None else json.loads(row.probabilities),
        confidence=row.confidence,
        labels=None if row.labels is None else tuple(json.loads(row.labels)),
        interval=None if row.low is None else (row.low, row.high),
        unknown=bool(row.unknown),
        novelty=row.novelty,
        quality=None if row.quality is None else _quality(json.loads(row.quality)),
    )
    return Entry(
        id=row.id,
        time=clock.from_us(row.time_us),
        model=row.model,
        predictions=(answer, *(_part(part) for part in json.loads(row.parts or "[]"))),
        standard=np.frombuffer(row.standard, FLOAT32),
        rows=_rows(row.rows, row.n_rows),
        key=row.key,
        group=row.group_name,
        metadata=_metadata(row.metadata),
        source=row.source,
        rate_hz=row.rate_hz,
        channels=row.channels,
        audio=row.audio,
    )


def storable(text: str) -> str:
    r"""Return a text that every database can hold: a null character or half a surrogate pair is written as ``\x00``."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")


def _shallow(record: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Return a record's fields, without the copies of all they hold that take most of ``asdict``'s time."""
    return {name: getattr(record, name) for name in names}


def _plainly(value: object) -> object:
    """Say what JSON does not know by itself: the mapping of a frozen record, and the quality in a part."""
    if isinstance(value, Quality):
        return _shallow(value, _MEASURES)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")


_json = json.JSONEncoder(separators=(",", ":"), default=_plainly).encode


def _bytes(array: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(array, FLOAT32).tobytes()


def _rows(content: bytes, n_rows: int) -> NDArray[np.float32]:
    return np.frombuffer(content, FLOAT32).reshape(n_rows, -1 if n_rows else 0)


def _metadata(text: str) -> Metadata:
    metadata: Metadata = json.loads(text)
    return metadata


def _quality(measures: Mapping[str, float]) -> Quality | None:
    """Return the measures; None where an earlier version stored fewer than there are now."""
    return Quality(**{name: measures[name] for name in _MEASURES}) if measures.keys() >= set(_MEASURES) else None


def _part(part: dict[str, Any]) -> Prediction:
    pairs = {name: None if part[name] is None else tuple(part[name]) for name in ("labels", "interval")}
    quality = None if part["quality"] is None else _quality(part["quality"])
    return Prediction(**part | pairs | {"quality": quality})
