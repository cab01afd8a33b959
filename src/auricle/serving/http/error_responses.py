"""Error responses: one JSON shape, and the table of HTTP statuses by error kind."""

import json
import logging
import math
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from auricle.errors import AuricleError, RequestError

__all__ = ["STATUS", "ErrorResponse", "error_response", "http_status", "install_handlers"]

STATUS: Final = {
    "usage": 422,
    "audio": 422,
    "feature": 422,
    "request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "missing": 404,
    "method": 405,
    "timeout": 408,
    "conflict": 409,
    "precondition": 412,
    "too_large": 413,
    "unsupported": 415,
    "host": 421,
    "rate": 429,
    "overloaded": 503,
    "stopping": 503,
    "store": 503,
    "worker": 503,
}
"""HTTP status by error kind; any other kind is an internal error, 500."""

_KINDS: Final = {400: "request", 404: "missing", 405: "method", 413: "too_large"}
_RETRY_S: Final = 1.0
_LOG: Final = logging.getLogger("auricle.serving")


class ErrorResponse(Response):
    """An error as a response: ``{"error": {"kind", "message"}}``."""

    media_type = "application/json"

    def __init__(self, kind: str, message: str, *, retry_after_s: float | None = None) -> None:
        status = STATUS.get(kind, 500)
        headers = {}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if status in (429, 503):
            headers["Retry-After"] = str(math.ceil(retry_after_s or _RETRY_S))
        content = json.dumps({"error": {"kind": kind, "message": message}})
        super().__init__(content.encode(), status, headers)


def http_status(error: AuricleError) -> int:
    """Return the HTTP status of an error."""
    return STATUS.get(error.as_json()["kind"], 500)


def error_response(error: AuricleError) -> ErrorResponse:
    """Return the response to an error; details of internal errors go to the log only."""
    if http_status(error) == 500:
        return _internal_error(error)
    body = error.as_json()
    retry_after_s = error.retry_after_s if isinstance(error, RequestError) else None
    return ErrorResponse(body["kind"], body["message"], retry_after_s=retry_after_s)


def install_handlers(app: FastAPI) -> None:
    """Convert every exception of an app to an :class:`ErrorResponse`."""

    async def handle(_: Request, error: Exception) -> Response:
        if isinstance(error, AuricleError):
            return error_response(error)
        if isinstance(error, RequestValidationError):
            return ErrorResponse("usage", _validation_message(error))
        if isinstance(error, HTTPException):
            return _from_starlette(error)
        if isinstance(error, ClientDisconnect):
            return ErrorResponse("request", "The request ended before its body did.")
        return _internal_error(error)

    for kind in (AuricleError, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(kind, handle)


def _internal_error(error: Exception) -> ErrorResponse:
    _LOG.error("a request failed", exc_info=error)
    return ErrorResponse("internal", "The server failed at this request. Its log says why.")


def _validation_message(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    message = first["msg"][0].lower() + first["msg"][1:]
    more = len(error.errors()) - 1
    return f"`{where}`: {message}." + (f" {more} more like this." if more else "")


def _from_starlette(error: HTTPException) -> Response:
    kind = _KINDS.get(error.status_code, "request")
    message = {
        "missing": "This path does not exist. /v1/openapi.json lists all paths.",
        "method": "This path does not support the method. /v1/openapi.json lists the methods of all paths.",
    }.get(kind, str(error.detail))
    response = ErrorResponse(kind, message)
    response.headers.update(error.headers or {})
    return response
