"""``/v1/monitor``: what the watch found last; the server itself computes no checks."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from auricle.errors import MissingError
from auricle.serving.http.dependencies import Read, ServiceDep
from auricle.serving.http.schemas import ERRORS, Check

__all__ = ["router"]

router = APIRouter(tags=["monitor"], responses=ERRORS)


@router.get("/v1/monitor", response_model=Check, summary="The last check")
def monitor(
    service: ServiceDep, _: Read, model: Annotated[str | None, Query(max_length=300, description="name@version")] = None
) -> Response:
    """Return the last check of a model, or of any, that `auricle watch` or `auricle monitor` kept."""
    found = service.store.checks.latest(model)
    if not found:
        raise MissingError("No check is kept yet. `auricle watch` makes them beside the server.")
    check = found[0]
    told = {
        "id": check.id,
        "time": check.time.isoformat(timespec="seconds"),
        "model": check.model,
        "verdict": check.verdict,
        "check": dict(check.body),
    }
    return Response(json.dumps(told), media_type="application/json")
