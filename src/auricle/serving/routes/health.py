"""``/healthz``, ``/readyz``, ``/metrics``: for those who run the server."""

import json
from typing import Final

from anyio import to_thread
from fastapi import APIRouter, Response

from auricle.errors import RequestError
from auricle.serving.http.dependencies import Read, ServiceDep
from auricle.serving.http.schemas import ERRORS, Error, Health
from auricle.serving.telemetry import CONTENT_TYPE

__all__ = ["ALIVE", "router"]

router = APIRouter(tags=["running"])

ALIVE: Final = Response(b'{"status": "ok"}', media_type="application/json")
"""The reply of ``/healthz``, which the front gives before anything else."""


@router.get("/healthz", response_model=Health, summary="Whether the process works")
async def healthz() -> Response:
    """Answer; nothing else is asked, so that a busy store or a broken model restarts nobody."""
    return ALIVE


@router.get(
    "/readyz",
    response_model=Health,
    responses={503: {"model": Error, "description": "Not now."}},
    summary="Whether requests should come here",
)
async def readyz(service: ServiceDep) -> Response:
    """Say whether the model is loaded, the store answers, and the server is not about to stop."""
    if service.is_stopping:
        raise RequestError("The server is stopping.", reason="stopping")
    await to_thread.run_sync(service.store.keys.all)
    champion = service.active_model
    status = "ok" if champion.problem is None else "degraded"
    return Response(json.dumps({"status": status, "model": champion.model.name}), media_type="application/json")


@router.get("/metrics", response_class=Response, responses=ERRORS, summary="Numbers for Prometheus")
def metrics(service: ServiceDep, _: Read) -> Response:
    """Return all numbers of all processes of this server."""
    service.metrics.waiting.set(service.admission.n_in_flight)
    return Response(service.metrics.read(), media_type=CONTENT_TYPE)
