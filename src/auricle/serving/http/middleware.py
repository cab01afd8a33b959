"""ASGI middleware around all routes: host and origin checks, admission, security headers, request log, metrics."""

import asyncio
import logging
import re
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
from auricle.serving.http.error_responses import ErrorResponse, error_response
from auricle.serving.inference.admission import SOUND_UPLOAD
from auricle.serving.routes.health import ALIVE
from auricle.serving.routes.streams import STREAMS
from auricle.serving.service import Service
from auricle.serving.settings import Settings

__all__ = ["HEADERS", "Middleware", "is_loopback"]

_LOG: Final = logging.getLogger("auricle.requests")
_UNLOGGED_ROUTES: Final = ("/healthz", "/readyz", "/metrics")
_HEALTHZ: Final = ("GET", "/healthz")
_REFUSAL_S: Final = 0.02
"""What no honest client sends waits for its refusal: back to back, refusals alone would fill the event loop."""
_MAX_JSON_BYTES: Final = 65_536
_HOST: Final = re.compile(r"([A-Za-z0-9._~-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "WEBSOCKET"})
"""The methods that metrics tell apart: a client may send any word."""
_FORWARDED_PREFIX: Final = "x-forwarded"
_FORWARDING: Final = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip"}
    | {"x-original-host", "x-original-url", "x-proxyuser-ip", "fastly-client-ip", "x-envoy-external-address"}
)
"""Headers by which proxies say for whom they ask."""
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""Headers of every response."""


def is_loopback(host: str) -> bool:
    """Whether a listening address is reachable only from this machine."""
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
    app : ASGI application
    service : Service
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._hosts = _accepted_hosts(service.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or one stream."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = secrets.token_hex(8)
        scope["auricle.request"] = request_id
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                present = {name for name, _ in message.get("headers", ())}
                missing = [pair for pair in HEADERS if pair[0] not in present]
                message["headers"] = [*message.get("headers", ()), *missing, (b"x-request-id", request_id.encode())]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            headers = Headers(scope=scope)
            refusal = self._check_headers(headers) or self._check_sender(scope, headers)
            if refusal is not None or scope.get("method", "GET") not in _METHODS:
                await asyncio.sleep(_REFUSAL_S)
            if refusal is not None and scope["type"] == "http":
                await refusal(scope, receive, send_with_headers)
            elif refusal is not None:
                await _deny_websocket(refusal, send_with_headers)
            elif scope["type"] == "websocket" and scope["path"] != STREAMS:
                await _deny_websocket(ErrorResponse("missing", "This path takes no stream."), send_with_headers)
            elif scope["type"] == "http" and scope["method"] not in _METHODS:
                scope["auricle.route"] = "other"  # before all routes are tried, which takes ten times longer
                await ErrorResponse("method", "No path supports this method.")(scope, receive, send_with_headers)
            elif _matches(scope, _HEALTHZ):
                scope["auricle.route"] = _HEALTHZ[1]
                await ALIVE(scope, receive, send_with_headers)  # liveness must not wait for a route's dependencies
            elif _matches(scope, SOUND_UPLOAD):
                await self._admit(scope, receive, send_with_headers)
            else:
                await self._app(scope, _limit_body(receive), send_with_headers)
        finally:
            self._record(scope, status, time.perf_counter() - began, request_id)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a sound, or refuse it before work is spent on it: under overload, most sounds are refused."""
        try:
            slot = scope["auricle.slot"] = self._service.admission.admit()
        except RequestError as error:
            scope["auricle.route"] = SOUND_UPLOAD[1]
            await error_response(error)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            slot.release()

    def _check_headers(self, headers: Mapping[str, str]) -> ErrorResponse | None:
        host = headers.get("host", "")
        if not _HOST.fullmatch(host):
            return ErrorResponse("request", f"The header Host must be a name and a port. Got {host[:80]!r}.")
        if self._hosts and _host_name(host) not in self._hosts:
            return ErrorResponse(
                "host", f"This server is not {host[:80]!r}. Its operator can add the name to `trusted_hosts`."
            )
        origin = headers.get("origin")
        if origin is not None and origin not in self._service.settings.origins and _origin_host(origin) != host:
            return ErrorResponse("forbidden", "Pages of other origins may not call this server.")
        return None

    def _check_sender(self, scope: Scope, headers: Mapping[str, str]) -> ErrorResponse | None:
        """Refuse what a proxy sends on while no key is needed: loopback is trusted, whoever stands behind it is not."""
        settings = self._service.settings
        if not self._service.authenticator.is_open or settings.insecure or settings.trusted_proxies:
            return None
        signs = [name for name in headers if name in _FORWARDING or name.startswith(_FORWARDED_PREFIX)]
        if not signs and scope.get("http_version", "1.1") == "1.1":
            return None
        return ErrorResponse(
            "forbidden",
            f"This request comes through a proxy ({signs[0] if signs else 'HTTP/1.0'}), and this server has no keys: "
            "everybody behind the proxy would be its admin. Make a key with `auricle keys create`, or name the proxy "
            "with `--trusted-proxy` if only you can reach it.",
        )

    def _record(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        own_route = scope.get("auricle.route")  # of a response by this middleware itself
        route = own_route or getattr(scope.get("route"), "path", "other")
        method = scope.get("method", "WEBSOCKET")
        metrics = self._service.metrics
        label = method if route != "other" and method in _METHODS else "other"
        metrics.requests.labels(label, route, status).inc()
        metrics.request_s.labels(route).observe(seconds)
        if own_route or (route in _UNLOGGED_ROUTES and status < 400):
            return  # a line per refusal would add to the overload
        fields: dict[str, Any] = {
            "method": method[:20],
            "path": scope["path"][:200],
            "status": status,
            "ms": round(1000 * seconds, 2),
            "request": request_id,
            "client": (scope.get("client") or ("",))[0],
            "key": scope.get("auricle.key", ""),
        }
        _LOG.info("request", extra=fields)


def _matches(scope: Scope, resource: tuple[str, str]) -> bool:
    return scope["type"] == "http" and (scope["method"], scope["path"]) == resource


def _limit_body(receive: Receive) -> Receive:
    """Limit the body of a JSON request; `receive_body` limits sounds."""
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


async def _deny_websocket(refusal: ErrorResponse, send: Send) -> None:
    """Refuse a WebSocket before it is accepted, with an HTTP response."""
    start = {"type": "websocket.http.response.start", "status": refusal.status_code, "headers": refusal.raw_headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": refusal.body})


def _accepted_hosts(settings: Settings) -> frozenset[str]:
    """Return the accepted names of the header Host; empty accepts any.

    A server on loopback accepts only its own names, which stops DNS rebinding by web pages.
    """
    names = [*settings.trusted_hosts]
    if is_loopback(settings.host):
        names += [*_LOOPBACK_NAMES, settings.host]
    return frozenset(name.lower() for name in names)


def _host_name(host: str) -> str:
    """Return the name in a header Host, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _origin_host(origin: str) -> str | None:
    """Return host and port of a header Origin; None if it has none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
