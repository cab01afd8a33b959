"""Entries of the log as replies show them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from auricle.records import Entry

if TYPE_CHECKING:
    from auricle.store.labels.feedback import FeedbackEntry

__all__ = ["answer_json", "entry_json"]


def answer_json(entry: Entry) -> dict[str, Any]:
    """Return what was answered, and the id under which it is kept."""
    return {"id": entry.id, "predictions": [one.as_json() for one in entry.predictions], "model": entry.model}


def entry_json(entry: Entry, said: "Iterable[FeedbackEntry]") -> dict[str, Any]:
    """Return an answer as it is kept, with what people said of it, the oldest first."""
    return answer_json(entry) | {
        "time": entry.time.isoformat(timespec="milliseconds"),
        "key": entry.key,
        "group": entry.group,
        "source": entry.source,
        "metadata": dict(entry.metadata),
        "rate_hz": entry.rate_hz,
        "channels": entry.channels,
        "has_audio": entry.audio is not None,
        "feedback": [one.as_json() for one in said],
    }
