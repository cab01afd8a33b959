"""``/v1/predictions/{id}/feedback`` and ``/v1/review``: label predictions, and list those most worth a label."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from auricle.serving.http.dependencies import Feedback, Read, ServiceDep
from auricle.serving.http.schemas import (
    ERRORS,
    FeedbackBody,
    FeedbackSaid,
    ReviewPage,
    entry_json,
    fitting_rows,
    listing_json,
)
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.predictions.filters import Filter

__all__ = ["router"]


router = APIRouter(tags=["feedback"], responses=ERRORS)


@router.put("/v1/predictions/{identity}/feedback", response_model=FeedbackSaid, summary="Label a prediction")
def give(service: ServiceDep, caller: Feedback, identity: str, body: FeedbackBody) -> Response:
    """Store the true class or value of a recording; earlier labels are kept, and the latest one counts."""
    feedback = FeedbackEntry(identity, body.label, body.target, key=caller.key, who=body.who, via="api")
    stored = service.store.feedback.add(feedback)
    return Response(json.dumps(stored.as_json()), media_type="application/json")


@router.get("/v1/review", response_model=ReviewPage, summary="List the predictions most worth labelling")
async def review(
    service: ServiceDep,
    _: Read,
    model: Annotated[str | None, Query(max_length=300, description="name@version, or name for all versions")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """List predictions without feedback, the most informative first, each with the reason."""

    def read() -> str:
        rows = (
            entry_json(candidate.entry) | {"reason": candidate.reason, "score": candidate.score}
            for candidate in service.store.review(Filter(model=model), limit=limit)
        )
        return listing_json(fitting_rows(rows, service.settings.max_reply_bytes))

    return Response(await service.read_threads.run(read), media_type="application/json")
