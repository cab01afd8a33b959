"""``/v1/review``: what is most worth a person's label."""

import json
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from auricle.records import Entry
from auricle.serving.access import Read, TheService
from auricle.serving.schemas import ERRORS, EntryPage
from auricle.serving.shown import entry_json
from auricle.store.filters import Filter

__all__ = ["router"]

_LOOKED_AT: Final = 500

router = APIRouter(tags=["feedback"], responses=ERRORS)


@router.get("/v1/review", response_model=EntryPage, summary="What is most worth labelling")
def review(service: TheService, _: Read, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> Response:
    """List answers without feedback, those first from whose label most is learned."""
    unlabelled = service.store.entries(Filter(labelled=False), limit=_LOOKED_AT).entries
    entries = sorted(unlabelled, key=_doubt, reverse=True)[:limit]
    told = {"entries": [entry_json(one, ()) for one in entries], "cursor": None}
    return Response(json.dumps(told), media_type="application/json")


def _doubt(entry: Entry) -> tuple[bool, float]:
    recording = entry.recording
    doubt = recording.novelty if recording.confidence is None else 1 - recording.confidence
    return recording.unknown, doubt or 0.0
