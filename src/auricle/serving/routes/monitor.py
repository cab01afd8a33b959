"""``/v1/monitor``: the latest stored monitoring check; the server itself computes none."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from auricle.errors import MissingError
from auricle.serving.http.dependencies import Read, ServiceDep
from auricle.serving.http.schemas import ERRORS, Check

__all__ = ["router"]

router = APIRouter(tags=["monitor"], responses=ERRORS)


@router.get("/v1/monitor", response_model=Check, summary="Return the latest monitoring check")
def monitor(
    service: ServiceDep, _: Read, model: Annotated[str | None, Query(max_length=300, description="name@version")] = None
) -> Response:
    """Return the latest check of a model, or of any model, that `auricle watch` or `auricle monitor` stored."""
    checks = service.store.checks.latest(model)
    if not checks:
        raise MissingError("No check is stored yet. Run `auricle watch` beside the server.")
    check = checks[0]
    body = {
        "id": check.id,
        "time": check.time.isoformat(timespec="seconds"),
        "model": check.model,
        "verdict": check.verdict,
        "check": dict(check.body),
    }
    return Response(json.dumps(body), media_type="application/json")
