"""``/healthz``, ``/readyz`` and ``/metrics``: liveness, readiness and Prometheus metrics."""

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
"""The response of ``/healthz``, which the middleware sends before all else."""


@router.get("/healthz", response_model=Health, summary="Liveness")
async def healthz() -> Response:
    """Respond without any check, so that a busy store or a broken model does not restart the process."""
    return ALIVE


@router.get(
    "/readyz",
    response_model=Health,
    responses={503: {"model": Error, "description": "The server is not ready."}},
    summary="Readiness",
)
async def readyz(service: ServiceDep) -> Response:
    """Check that the store responds, that the server is not stopping, and whether the champion is loaded.

    `decoders` names how decoding processes are confined on this machine: by limits, a network of their own, and a
    filter of system calls.
    """
    if service.is_stopping:
        raise RequestError("The server is stopping.", reason="stopping")
    await to_thread.run_sync(service.store.keys.all)
    active_model = service.active_model
    status = "ok" if active_model.load_error is None else "degraded"
    body = {"status": status, "model": active_model.model.name, "decoders": list(service.decoders.confinement)}
    return Response(json.dumps(body), media_type="application/json")


@router.get("/metrics", response_class=Response, responses=ERRORS, summary="Prometheus metrics")
async def metrics(service: ServiceDep, _: Read) -> Response:
    """Return the metrics of all processes of this server."""
    service.metrics.waiting.set(service.admission.n_in_flight)
    return Response(await service.read_threads.run(service.metrics.render), media_type=CONTENT_TYPE)
