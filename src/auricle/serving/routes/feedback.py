"""``/v1/predictions/{id}/feedback``: what a recording was, by somebody who knows."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from auricle.serving.http.dependencies import Feedback, Read, ServiceDep
from auricle.serving.http.schemas import ERRORS, FeedbackBody, FeedbackSaid, ReviewPage
from auricle.serving.http.serializers import entry_json
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.predictions.filters import Filter

__all__ = ["router"]


router = APIRouter(tags=["feedback"], responses=ERRORS)


@router.put("/v1/predictions/{identity}/feedback", response_model=FeedbackSaid, summary="Say what a sound was")
def give(service: ServiceDep, caller: Feedback, identity: str, body: FeedbackBody) -> Response:
    """Keep a label or a number for a recording; what was said before is kept too, and the last word counts."""
    said = FeedbackEntry(identity, body.label, body.target, key=caller.key, who=body.who, via="api")
    kept = service.store.feedback.add(said)
    return Response(json.dumps(kept.as_json()), media_type="application/json")


@router.get("/v1/review", response_model=ReviewPage, summary="What is most worth labelling")
def review(
    service: ServiceDep,
    _: Read,
    model: Annotated[str | None, Query(max_length=300, description="name@version, or name for all versions")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """List answers without feedback, those first from whose label most is learned, each with the reason."""
    candidates = service.store.review(Filter(model=model), limit=limit)
    told = [entry_json(one.entry, ()) | {"reason": one.reason, "score": one.score} for one in candidates]
    return Response(json.dumps({"entries": told}), media_type="application/json")
