"""What replies hold, as the OpenAPI document tells it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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
]


class _Said(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Taken(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Problem(BaseModel):
    kind: str
    message: str


class Error(BaseModel):
    """What went wrong, and what to do."""

    error: _Problem


class PredictionSaid(_Said):
    """An answer: a class with its probabilities, or a number with its interval."""

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
    """What was answered, and the id under which it is kept."""

    id: str
    predictions: list[PredictionSaid]
    model: str


class FeedbackSaid(_Said):
    """What somebody said a recording was."""

    label: str | None = None
    target: float | None = None
    who: str
    key: str
    via: str
    time: str | None


class Kept(Answer):
    """An answer as it is kept."""

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
    """A page of answers, the newest first."""

    entries: list[Kept]
    cursor: str | None = Field(description="where the next page begins; null at the end")


class Candidate(Kept):
    """An answer that is worth a label, and why."""

    reason: Literal["typical", "novel", "uncertain"]
    score: float


class ReviewPage(BaseModel):
    """Answers that are worth a label, the best first."""

    entries: list[Candidate]


class FeedbackBody(_Taken):
    """What a recording was: a class or a number, whichever its model answers."""

    label: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    target: Annotated[float, Field(allow_inf_nan=False)] | None = None
    who: Annotated[str, Field(max_length=200)] = ""


class Check(_Said):
    """What the monitor found last."""

    id: str
    time: str
    model: str
    verdict: str
    check: dict[str, Any]


class ModelPage(BaseModel):
    """Every model of the registry."""

    serving: str = Field(description="the model that answers here at present")
    models: list[dict[str, Any]]


class PromoteBody(_Taken):
    """Which model is to become the champion."""

    version: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="version or start of the digest; without it the challenger"
    )
    why: Annotated[str, Field(max_length=1000)] = ""


class RollbackBody(_Taken):
    """Why the champion is to be what it was before."""

    why: Annotated[str, Field(max_length=1000)] = ""


class Moved(_Said):
    """That another model is the champion now."""

    champion: str
    change: dict[str, Any]


class Health(_Said):
    """Whether the server works."""

    status: Literal["ok", "starting", "stopping", "degraded"]


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": says}
    for status, says in {
        400: "The request cannot be read.",
        401: "No key, or a wrong, expired or revoked one.",
        403: "The key does not allow this.",
        404: "There is no such thing.",
        408: "The request came too slowly.",
        409: "Somebody else did something at the same time.",
        413: "The body is too large.",
        415: "The body is coded.",
        421: "The request is for another host.",
        422: "The sound or a value cannot be used.",
        429: "Too many requests.",
        503: "The server is busy, stopping, or cannot reach its store.",
    }.items()
}
