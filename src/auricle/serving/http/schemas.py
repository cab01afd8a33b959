"""Request and response bodies: pydantic schemas for the OpenAPI document, and log entries as JSON.

The names of the schemas are component names of the public API.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from auricle.records import Entry

if TYPE_CHECKING:
    from auricle.store.labels.feedback import FeedbackEntry

__all__ = [
    "ERRORS",
    "Answer",
    "Check",
    "EntryPage",
    "Error",
    "FeedbackBody",
    "FeedbackSaid",
    "Health",
    "Kept",
    "ModelPage",
    "Moved",
    "PromoteBody",
    "ReviewPage",
    "RollbackBody",
    "entry_json",
    "fitting_rows",
    "listing_json",
    "predictions_json",
]


class _ResponseBody(BaseModel):
    model_config = ConfigDict(extra="allow")


class _RequestBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Problem(BaseModel):
    kind: str
    message: str


class Error(BaseModel):
    """An error: its kind, and a message with cause and remedy."""

    error: _Problem


class PredictionSaid(_ResponseBody):
    """A prediction: a class with its probabilities, or a number with its interval."""

    level: Literal["recording", "window", "event"]
    start_s: float
    end_s: float
    label: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] | None = None
    value: float | None = None
    interval: list[float] | None = None
    unknown: bool
    novelty: float | None = None
    model: str


class Answer(BaseModel):
    """The predictions of a sound, and the id of their entry in the log."""

    id: str
    predictions: list[PredictionSaid]
    model: str


class FeedbackSaid(_ResponseBody):
    """A label of a recording."""

    label: str | None = None
    target: float | None = None
    who: str
    key: str
    via: str
    time: str | None


class Kept(Answer):
    """An entry of the log."""

    time: str
    key: str
    group: str
    source: str
    metadata: dict[str, Any]
    rate_hz: int
    channels: int
    has_audio: bool
    feedback: list[FeedbackSaid]


class EntryPage(BaseModel):
    """A page of entries, newest first."""

    entries: list[Kept]
    cursor: str | None = Field(description="cursor of the next page; null at the end")


class Candidate(Kept):
    """An entry that is worth a label, and why."""

    reason: Literal["typical", "novel", "uncertain"]
    score: float


class ReviewPage(BaseModel):
    """Entries that are worth a label, best first."""

    entries: list[Candidate]


class FeedbackBody(_RequestBody):
    """The true class or value of a recording, whichever its model predicts."""

    label: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    target: Annotated[float, Field(allow_inf_nan=False)] | None = None
    who: Annotated[str, Field(max_length=200)] = ""


class Check(_ResponseBody):
    """The latest monitoring check."""

    id: str
    time: str
    model: str
    verdict: str
    check: dict[str, Any]


class ModelPage(BaseModel):
    """All models of the registry."""

    serving: str = Field(description="the active model of this server")
    models: list[dict[str, Any]]


_Expected = Annotated[
    str | None,
    Field(max_length=200, description="version or digest of the champion that is to be replaced; or send If-Match"),
]


class PromoteBody(_RequestBody):
    """The model to promote to champion."""

    version: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="version or start of the digest; the challenger if omitted"
    )
    expected: _Expected = None
    why: Annotated[str, Field(max_length=1000)] = ""


class RollbackBody(_RequestBody):
    """The reason for restoring the previous champion."""

    expected: _Expected = None
    why: Annotated[str, Field(max_length=1000)] = ""


class Moved(_ResponseBody):
    """The new champion, and the change of the alias."""

    champion: str
    change: dict[str, Any]


class Health(_ResponseBody):
    """The state of the server."""

    status: Literal["ok", "starting", "stopping", "degraded"]


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": description}
    for status, description in {
        400: "The request is malformed.",
        401: "The key is missing, wrong, expired or revoked.",
        403: "The key lacks the required scope.",
        404: "The resource does not exist.",
        408: "The request arrived too slowly.",
        409: "The request conflicts with a concurrent one.",
        412: "The champion is another one than the client expects.",
        413: "The body is too large.",
        415: "The body has a Content-Encoding.",
        421: "The request is for another host.",
        422: "The sound or a value is invalid.",
        429: "Too many requests.",
        503: "The server is overloaded or stopping, or cannot use its store.",
    }.items()
}


def predictions_json(entry: Entry) -> dict[str, Any]:
    """Return an entry in the form of ``Answer``."""
    predictions = [prediction.as_json() for prediction in entry.predictions]
    return {"id": entry.id, "predictions": predictions, "model": entry.model}


def fitting_rows(rows: Iterable[Mapping[str, Any]], max_bytes: int) -> list[str]:
    """Return the first rows, as JSON, that fit into a reply; at least one."""
    texts: list[str] = []
    total = 0
    for row in rows:
        text = json.dumps(row)
        total += len(text)
        if texts and total > max_bytes:
            break
        texts.append(text)
    return texts


def listing_json(texts: Sequence[str], **others: Any) -> str:
    """Return a page of entries, already JSON, with what else it holds: encoding all at once would hold up threads."""
    more = "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in others.items())
    return f'{{"entries": [{", ".join(texts)}]{more}}}'


def entry_json(entry: Entry, feedback: "Iterable[FeedbackEntry]" = ()) -> dict[str, Any]:
    """Return an entry in the form of ``Kept``, with its feedback, oldest first."""
    return predictions_json(entry) | {
        "time": entry.time.isoformat(timespec="milliseconds"),
        "key": entry.key,
        "group": entry.group,
        "source": entry.source,
        "metadata": dict(entry.metadata),
        "rate_hz": entry.rate_hz,
        "channels": entry.channels,
        "has_audio": entry.audio is not None,
        "feedback": [label.as_json() for label in feedback],
    }
