"""``/v1/review``: what is most worth a person's label."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from auricle.serving.access import Read, TheService
from auricle.serving.schemas import ERRORS, ReviewPage
from auricle.serving.shown import entry_json
from auricle.store.filters import Filter

__all__ = ["router"]

router = APIRouter(tags=["feedback"], responses=ERRORS)


@router.get("/v1/review", response_model=ReviewPage, summary="What is most worth labelling")
def review(
    service: TheService,
    _: Read,
    model: Annotated[str | None, Query(max_length=300, description="name@version, or name for all versions")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """List answers without feedback, those first from whose label most is learned, each with the reason."""
    candidates = service.store.review(Filter(model=model), limit=limit)
    told = [entry_json(one.entry, ()) | {"reason": one.reason, "score": one.score} for one in candidates]
    return Response(json.dumps({"entries": told}), media_type="application/json")
