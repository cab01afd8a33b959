"""The first that a request meets and the last that a reply passes: names, origins, ids, the log and the numbers."""

import logging
import secrets
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auricle.errors import RequestError
from auricle.serving.admission import SOUND_UPLOAD
from auricle.serving.http.error_responses import ErrorResponse, error_response
from auricle.serving.routes.health import ALIVE
from auricle.serving.service import Service
from auricle.serving.settings import Settings

__all__ = ["HEADERS", "Middleware", "is_loopback"]

_LOG: Final = logging.getLogger("auricle.requests")
_UNTOLD: Final = ("/healthz", "/readyz", "/metrics")
_ALIVE: Final = ("GET", "/healthz")
_MAX_JSON_BYTES: Final = 65_536
_NAMES: Final = ("localhost", "127.0.0.1", "::1")
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""What every reply carries."""


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Middleware:
    """An ASGI application around another.

    Parameters
    ----------
    app : what answers
    service : whose limits and numbers
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._hosts = _hosts(service.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or one stream."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request = secrets.token_hex(8)
        scope["auricle.request"] = request
        status = 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                own = {name for name, _ in message.get("headers", ())}
                extra = [pair for pair in HEADERS if pair[0] not in own]
                message["headers"] = [*message.get("headers", ()), *extra, (b"x-request-id", request.encode())]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            problem = self._problem(Headers(scope=scope))
            if problem is not None:
                await (problem(scope, receive, told) if scope["type"] == "http" else refuse(problem, told))
            elif _is(scope, _ALIVE):
                scope["auricle.route"] = _ALIVE[1]
                await ALIVE(scope, receive, told)  # before all that a route takes: it is asked whether we are alive
            elif _is(scope, SOUND_UPLOAD):
                await self._answer(scope, receive, told)
            else:
                await self._app(scope, _little(receive), told)
        finally:
            self._tell(scope, status, time.perf_counter() - began, request)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let sound in, or turn it away before anything is spent on it: when there is too much, that is most of it."""
        try:
            slot = scope["auricle.place"] = self._service.admission.admit()
        except RequestError as error:
            scope["auricle.route"] = SOUND_UPLOAD[1]
            await error_response(error)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            slot.release()

    def _problem(self, headers: Mapping[str, str]) -> ErrorResponse | None:
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return ErrorResponse("host", f"This server is not {host[:80]!r}. Its operator can add it to `trusted_hosts`.")
        origin = headers.get("origin")
        if origin is not None and origin not in self._service.settings.origins and urlsplit(origin).netloc != host:
            return ErrorResponse("forbidden", "Pages of other origins may not call this server.")
        return None

    def _tell(self, scope: Scope, status: int, seconds: float, request: str) -> None:
        at_once = scope.get("auricle.route")
        route = at_once or getattr(scope.get("route"), "path", "other")
        method = scope.get("method", "WEBSOCKET")
        metrics = self._service.metrics
        metrics.requests.labels(method if route != "other" else "other", route, status).inc()
        metrics.request_s.labels(route).observe(seconds)
        if at_once or (route in _UNTOLD and status < 400):
            return  # of what is answered here, a line for each would be one more burden when there is too much
        said: dict[str, Any] = {
            "method": method,
            "path": scope["path"][:200],
            "status": status,
            "ms": round(1000 * seconds, 2),
            "request": request,
            "client": (scope.get("client") or ("",))[0],
            "key": scope.get("auricle.key", ""),
        }
        _LOG.info("request", extra=said)


def _is(scope: Scope, resource: tuple[str, str]) -> bool:
    return scope["type"] == "http" and (scope["method"], scope["path"]) == resource


def _little(receive: Receive) -> Receive:
    """Give a body on as long as it is no larger than JSON has to be; sound is counted where it is received."""
    n_bytes = 0

    async def counted() -> Message:
        nonlocal n_bytes
        message = await receive()
        if message["type"] == "http.request":
            n_bytes += len(message.get("body", b""))
            if n_bytes > _MAX_JSON_BYTES:
                raise HTTPException(413, f"JSON must have at most {_MAX_JSON_BYTES} bytes.")
        return message

    return counted


async def refuse(problem: ErrorResponse, send: Send) -> None:
    """Refuse a WebSocket before it is accepted, with a reply like any other."""
    start = {"type": "websocket.http.response.start", "status": problem.status_code, "headers": problem.raw_headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": problem.body})


def _hosts(settings: Settings) -> frozenset[str]:
    """Return the names that a request may call us by; none for any.

    On loopback any page could otherwise reach us through a name of its own that it lets mean 127.0.0.1.
    """
    names = [*settings.trusted_hosts]
    if is_loopback(settings.host):
        names += [*_NAMES, settings.host]
    return frozenset(name.lower() for name in names)


def _name(host: str) -> str:
    """Return the name in a header Host, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
