"""Convert entries to rows of the predictions table and back."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from auricle.records import Entry, Metadata, Prediction, Quality
from auricle.runtime import clock

__all__ = ["FLOAT32", "decode_rows", "from_row", "storable", "to_row"]

FLOAT32 = np.dtype("<f4")

_QUALITY_FIELDS = tuple(field.name for field in fields(Quality))
_PREDICTION_FIELDS = tuple(field.name for field in fields(Prediction))


def to_row(entry: Entry) -> dict[str, Any]:
    """Return the columns of an entry's row."""
    recording, parts = entry.recording, entry.predictions[1:]
    low, high = recording.interval or (None, None)
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
        "start_s": recording.start_s,
        "end_s": recording.end_s,
        "label": None if recording.label is None else storable(recording.label),
        "value": recording.value,
        "low": low,
        "high": high,
        "confidence": recording.confidence,
        "novelty": recording.novelty,
        "unknown": recording.unknown,
        "probabilities": None if recording.probabilities is None else _json(recording.probabilities),
        "labels": None if recording.labels is None else _json(recording.labels),
        "quality": None if recording.quality is None else _json(_field_values(recording.quality, _QUALITY_FIELDS)),
        "metadata": _json(entry.metadata),
        "standard": _bytes(entry.standard),
        "n_rows": len(entry.rows),
        "parts": _json([_field_values(part, _PREDICTION_FIELDS) for part in parts]) if parts else None,
        "rows": _bytes(entry.rows),
    }
    return row | {"n_bytes": sum(len(value) if isinstance(value, str | bytes) else 8 for value in row.values())}


def from_row(row: sa.Row[Any]) -> Entry:
    """Return the entry of a complete row."""
    recording = Prediction(
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
        predictions=(recording, *(_part(part) for part in json.loads(row.parts or "[]"))),
        standard=np.frombuffer(row.standard, FLOAT32),
        rows=decode_rows(row.rows, row.n_rows),
        key=row.key,
        group=row.group_name,
        metadata=_metadata(row.metadata),
        source=row.source,
        rate_hz=row.rate_hz,
        channels=row.channels,
        audio=row.audio,
    )


def storable(text: str) -> str:
    r"""Return a text that both databases can hold: NUL and lone surrogates are escaped, as in ``\x00``."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")


def _field_values(record: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Return a record's fields without the deep copies of ``asdict``, which take most of its time."""
    return {name: getattr(record, name) for name in names}


def _json_default(value: object) -> object:
    """Convert the mapping of a frozen record, and the quality of a part."""
    if isinstance(value, Quality):
        return _field_values(value, _QUALITY_FIELDS)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


_json = json.JSONEncoder(separators=(",", ":"), default=_json_default).encode


def _bytes(array: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(array, FLOAT32).tobytes()


def decode_rows(content: bytes, n_rows: int) -> NDArray[np.float32]:
    """Return the feature rows of an entry, float32, shape (n_rows, n_columns)."""
    return np.frombuffer(content, FLOAT32).reshape(n_rows, -1 if n_rows else 0)


def _metadata(text: str) -> Metadata:
    metadata: Metadata = json.loads(text)
    return metadata


def _quality(measures: Mapping[str, float]) -> Quality | None:
    """Return the quality; None if an earlier version stored fewer measures."""
    if not measures.keys() >= set(_QUALITY_FIELDS):
        return None
    return Quality(**{name: measures[name] for name in _QUALITY_FIELDS})


def _part(part: dict[str, Any]) -> Prediction:
    pairs = {name: None if part[name] is None else tuple(part[name]) for name in ("labels", "interval")}
    quality = None if part["quality"] is None else _quality(part["quality"])
    return Prediction(**part | pairs | {"quality": quality})
