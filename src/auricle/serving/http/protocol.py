"""HTTP/1.1 connections for slow or hostile clients: uvicorn's h11 protocol with timeouts and JSON refusals."""

import asyncio
import math
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Literal

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from auricle.errors import RequestError
from auricle.serving.http.error_responses import ErrorResponse
from auricle.serving.http.middleware import HEADERS
from auricle.serving.http.stream_protocol import WriteTimeout
from auricle.serving.inference.admission import SOUND_UPLOAD
from auricle.serving.service import Service
from auricle.serving.settings import Settings

__all__ = ["protocol"]

_TICK_S: Final = 1.0
_BODY_GRACE_S: Final = 5.0
_SHUTDOWN_HEAD_S: Final = 1.0
_UPLOAD_PREFIXES: Final = tuple(" ".join(SOUND_UPLOAD).encode() + end for end in (b" ", b"?"))


def protocol(service: Service) -> type[H11Protocol]:
    """Return the protocol class of a service, which enforces its timeouts and refuses sounds without a free slot."""

    class ServiceProtocol(_TimedProtocol):
        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(config, server_state, app_state, _loop)
            self.service = service
            self.settings = service.settings

    return ServiceProtocol


class _TimedProtocol(WriteTimeout, H11Protocol):
    """A connection with timeouts for heads, bodies and writes.

    A head must be complete within ``header_s`` of its first byte, or of the connection's start. A body must arrive with
    at least ``min_body_bytes_s``; time counts only while the server is ready to read. A client that does not read its
    response is disconnected after 30 s.
    """

    service: Service
    settings: Settings
    _timer: asyncio.TimerHandle | None = None
    _awaited: Literal["head", "body"] | None = None
    _body_s = 0.0
    _body_bytes = 0
    _is_stopping = False
    _is_websocket = False
    """Handed over to the WebSocket protocol: writing here would break its frames."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse("overloaded", "The server has too many connections.")
        else:
            self._start_timer("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._start_timer(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if not self._refuse_upload(data):
            super().data_received(data)
        if self._is_stopping and self.cycle is not None:
            self.cycle.keep_alive = False
        self._update_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._update_timer()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._is_websocket = True
        self._start_timer(None)
        super().handle_websocket_upgrade(event)

    def shutdown(self) -> None:
        # A request that is on its way at the stop signal is handled; an idle connection is closed.
        if self._awaited == "head":
            self._is_stopping = True
            self._start_timer("head", _SHUTDOWN_HEAD_S)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        self._refuse("request", f"The request must be HTTP/1.1. {msg}")

    def _refuse_upload(self, data: bytes) -> bool:
        """Refuse a sound without a free slot at its request head, and discard its body; return whether it was refused.

        The head is parsed and the response written as usual, without the application in between: under fivefold
        overload, four of five requests end here.
        """
        conn = self.conn
        is_idle = conn.their_state is h11.IDLE and conn.our_state is h11.IDLE and not conn.trailing_data[0]
        if self._is_stopping or not is_idle or not data.startswith(_UPLOAD_PREFIXES):
            return False
        try:
            self.service.admission.check()
            return False
        except RequestError as error:
            refusal = _refusal(error.as_json()["message"], math.ceil(error.retry_after_s or 1.0))
        self._unset_keepalive_if_required()
        conn.receive_data(data)
        with suppress(h11.RemoteProtocolError):  # handle_events raises and handles it again
            if isinstance(conn.next_event(), h11.Request):
                self.service.metrics.requests.labels(*SOUND_UPLOAD, 503).inc()
                self.transport.write(b"".join(conn.send(event) or b"" for event in refusal))
                self.on_response_complete()
                if conn.our_state is h11.MUST_CLOSE:
                    self.transport.close()
        self.handle_events()
        return True

    def _update_timer(self) -> None:
        """Start the timer of the part of a request that is awaited now."""
        state = self.conn.their_state
        if self.transport.is_closing() or self._is_websocket:
            self._start_timer(None)
        elif state is h11.SEND_BODY:
            if self._awaited != "body":
                self._start_timer("body")
        elif state is h11.IDLE and (self.conn.trailing_data[0] or self.timeout_keep_alive_task is None):
            if self._awaited != "head":  # also after a discarded body, for which uvicorn has no timer
                self._start_timer("head")
        elif state is not h11.IDLE or self._awaited == "body":
            self._start_timer(None)  # between requests, uvicorn's keep-alive timer runs

    def _start_timer(self, awaited: Literal["head", "body"] | None, head_s: float | None = None) -> None:
        """Start the timer of a head or body in place of the present one; None only stops it."""
        if self._timer is not None:
            self._timer.cancel()
        self._awaited, self._timer = awaited, None
        if awaited == "head":
            self._timer = self.loop.call_later(head_s or self.settings.header_s, self._on_head_timeout)
        elif awaited == "body":
            self._body_s, self._body_bytes = 0.0, 0
            self._timer = self.loop.call_later(_TICK_S, self._check_body_rate)

    def _check_body_rate(self) -> None:
        self._timer = self.loop.call_later(_TICK_S, self._check_body_rate)
        if self.flow.read_paused:
            return
        self._body_s += _TICK_S
        min_rate = self.settings.min_body_bytes_s
        if self._body_bytes < (self._body_s - _BODY_GRACE_S) * min_rate:
            self._refuse("timeout", f"A body must arrive with at least {min_rate} bytes per second. It was slower.")

    def _on_head_timeout(self) -> None:
        if self.conn.trailing_data[0]:
            self._refuse("timeout", f"A request's head must arrive within {self.settings.header_s:g} s. It did not.")
        else:
            self.transport.close()

    def _refuse(self, kind: str, message: str) -> None:
        """Send an error response, unless a response has begun, and close the connection."""
        self._start_timer(None)
        has_begun = self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE)  # true also for a discarded body
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if not has_begun and not self.transport.is_closing():
            response = ErrorResponse(kind, message)
            lines = [f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}".encode()]
            lines += [name + b": " + value for name, value in response.raw_headers]
            self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)]))
        self.transport.close()


@lru_cache
def _refusal(message: str, retry_after_s: int) -> tuple[h11.Event, ...]:
    response = ErrorResponse("overloaded", message, retry_after_s=retry_after_s)
    head = h11.Response(status_code=response.status_code, headers=[*response.raw_headers, *HEADERS])
    return head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()
