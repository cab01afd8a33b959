"""Errors as replies: one JSON shape, and one table that says which status each kind has."""

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

__all__ = ["STATUS", "ErrorResponse", "install", "error_response", "http_status"]

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
    "too_large": 413,
    "unsupported": 415,
    "host": 421,
    "rate": 429,
    "overloaded": 503,
    "stopping": 503,
    "store": 503,
    "worker": 503,
}
"""Status of a reply, by the error's kind; a kind that is not here is a fault of the server's own, 500."""

_KINDS: Final = {400: "request", 404: "missing", 405: "method", 413: "too_large"}
_RETRY_S: Final = 1.0
_LOG: Final = logging.getLogger("auricle.serving")


class ErrorResponse(Response):
    """A reply that says what went wrong: ``{"error": {"kind", "message"}}``."""

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
    """Return the status of the reply to an error."""
    return STATUS.get(error.as_json()["kind"], 500)


def error_response(error: AuricleError) -> ErrorResponse:
    """Return the reply to an error; what the server itself is to blame for is logged and not told."""
    said = error.as_json()
    if http_status(error) == 500:
        _LOG.error("a request failed", exc_info=error)
        return ErrorResponse("internal", "The server failed at this request. Its log says why.")
    retry_after_s = error.retry_after_s if isinstance(error, RequestError) else None
    return ErrorResponse(said["kind"], said["message"], retry_after_s=retry_after_s)


def install(app: FastAPI) -> None:
    """Let every error of an app be told in the one shape."""

    async def told(_: Request, error: Exception) -> Response:
        if isinstance(error, AuricleError):
            return error_response(error)
        if isinstance(error, RequestValidationError):
            return ErrorResponse("usage", _first(error))
        if isinstance(error, HTTPException):
            return _of_starlette(error)
        if isinstance(error, ClientDisconnect):
            return ErrorResponse("request", "The request ended before its body did.")
        _LOG.error("a request failed", exc_info=error)
        return ErrorResponse("internal", "The server failed at this request. Its log says why.")

    for kind in (AuricleError, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(kind, told)


def _first(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    message = first["msg"][0].lower() + first["msg"][1:]
    more = len(error.errors()) - 1
    return f"`{where}`: {message}." + (f" {more} more like this." if more else "")


def _of_starlette(error: HTTPException) -> Response:
    kind = _KINDS.get(error.status_code, "request")
    message = {
        "missing": "There is nothing under this address. /v1/openapi.json lists what there is.",
        "method": "This address does not know the method. /v1/openapi.json lists those that it knows.",
    }.get(kind, str(error.detail))
    problem = ErrorResponse(kind, message)
    problem.headers.update(error.headers or {})
    return problem
