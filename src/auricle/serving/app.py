"""Build the ASGI application: all routers, error handlers and middleware."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from auricle.serving.http import error_responses
from auricle.serving.http.middleware import Middleware
from auricle.serving.routes import feedback, health, models, monitor, page, predictions, streams
from auricle.serving.service import Service, lifespan

__all__ = ["ROUTERS", "create_app"]

ROUTERS = (
    predictions.router,
    feedback.router,
    streams.router,
    monitor.router,
    models.router,
    health.router,
    page.router,
)
"""One router per resource."""

_DESCRIPTION = """Send sound, receive predictions; every prediction is logged and can be retrieved by its id.

A body is a sound file (WAV, FLAC, OGG, MP3 or AIFF), raw or as the part `file` of a form. Errors have one shape:
`{"error": {"kind", "message"}}`."""


def create_app(service: Service) -> ASGIApp:
    """Return the ASGI application of a service; its shutdown closes the service."""

    @asynccontextmanager
    async def app_lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with lifespan(service):
            yield

    app = FastAPI(
        title="auricle",
        version=version("auricle"),
        description=_DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=app_lifespan,
        redirect_slashes=False,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    error_responses.install_handlers(app)
    if service.settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key", "if-match"],
            expose_headers=["etag", "location", "retry-after", "warning"],
        )
    return Middleware(app, service)
