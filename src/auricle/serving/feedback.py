"""``/v1/predictions/{id}/feedback``: what a recording was, by somebody who knows."""

import json

from fastapi import APIRouter, Response

from auricle.serving.access import Feedback, TheService
from auricle.serving.schemas import ERRORS, FeedbackBody, FeedbackSaid
from auricle.store.feedback import Said

__all__ = ["router"]

router = APIRouter(tags=["feedback"], responses=ERRORS)


@router.put("/v1/predictions/{identity}/feedback", response_model=FeedbackSaid, summary="Say what a sound was")
def give(service: TheService, caller: Feedback, identity: str, body: FeedbackBody) -> Response:
    """Keep a label or a number for a recording; what was said before is kept too, and the last word counts."""
    said = Said(identity, body.label, body.target, key=caller.key, who=body.who, via="api")
    kept = service.store.feedback.give(said)
    return Response(json.dumps(kept.as_json()), media_type="application/json")
