"""HTTP/1.1 for clients that may be slow or hostile: uvicorn's h11 protocol with clocks and JSON refusals."""

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
from auricle.serving.admission import SOUND_UPLOAD
from auricle.serving.http.error_responses import ErrorResponse
from auricle.serving.http.middleware import HEADERS
from auricle.serving.service import Service
from auricle.serving.settings import Settings

__all__ = ["protocol"]

_TICK_S: Final = 1.0
_BODY_GRACE_S: Final = 5.0
_WRITE_S: Final = 30.0
_LAST_HEAD_S: Final = 1.0
_SOUND: Final = tuple(" ".join(SOUND_UPLOAD).encode() + end for end in (b" ", b"?"))


def protocol(service: Service) -> type[H11Protocol]:
    """Return the protocol that holds clients to the limits, and turns sound away that there is no place for."""

    class Guarded(_Guarded):
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

    return Guarded


class _Guarded(H11Protocol):
    """A connection whose head, body and reading each have a clock.

    A head must be whole within ``header_s``, from the first byte, or from the connection's beginning. A body must come
    with ``min_body_bytes_s``; only time counts in which the server was ready to read. A client that does not read is
    left after 30 s.
    """

    service: Service
    settings: Settings
    _clock: asyncio.TimerHandle | None = None
    _awaited: Literal["head", "body"] | None = None
    _write_clock: asyncio.TimerHandle | None = None
    _body_s = 0.0
    _body_bytes = 0
    _is_stopping = False
    _is_handed_over = False
    """To the protocol of WebSockets: what is written here from then on would break its frames."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse("overloaded", "The server has too many connections.")
        else:
            self._await("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None)
        self._stop_write_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if not self._turns_away(data):
            super().data_received(data)
        if self._is_stopping and self.cycle is not None:
            self.cycle.keep_alive = False
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._is_handed_over = True
        self._await(None)
        super().handle_websocket_upgrade(event)

    def shutdown(self) -> None:
        # What is on its way when the server is told to stop is answered; a connection at rest is closed.
        if self._awaited == "head":
            self._is_stopping = True
            self._await("head", _LAST_HEAD_S)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        self._refuse("request", f"The request must be HTTP/1.1. {msg}")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_clock = self.loop.call_later(_WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_write_clock()

    def _turns_away(self, data: bytes) -> bool:
        """Refuse sound that has no place, where that is the next to come, and read over the rest of it.

        The head is parsed and the reply written as any other, but nothing of an application is in between: of five
        times as many requests as can be answered, four end here.
        """
        conn = self.conn
        is_next = conn.their_state is h11.IDLE and conn.our_state is h11.IDLE and not conn.trailing_data[0]
        if self._is_stopping or not is_next or not data.startswith(_SOUND):
            return False
        try:
            self.service.admission.check()
            return False
        except RequestError as error:
            refusal = _refusal(error.as_json()["message"], math.ceil(error.retry_after_s or 1.0))
        self._unset_keepalive_if_required()
        conn.receive_data(data)
        with suppress(h11.RemoteProtocolError):  # it is told below
            if isinstance(conn.next_event(), h11.Request):
                self.service.metrics.requests.labels(*SOUND_UPLOAD, 503).inc()
                self.transport.write(b"".join(conn.send(event) or b"" for event in refusal))
                self.on_response_complete()
                if conn.our_state is h11.MUST_CLOSE:
                    self.transport.close()
        self.handle_events()
        return True

    def _look(self) -> None:
        """Find out what is awaited now, and see that its clock runs."""
        state = self.conn.their_state
        if self.transport.is_closing() or self._is_handed_over:
            self._await(None)
        elif state is h11.SEND_BODY:
            if self._awaited != "body":
                self._await("body")
        elif state is h11.IDLE and (self.conn.trailing_data[0] or self.timeout_keep_alive_task is None):
            if self._awaited != "head":  # also after a body that was read over: then uvicorn has no clock
                self._await("head")
        elif state is not h11.IDLE or self._awaited == "body":
            self._await(None)  # a connection at rest between requests has uvicorn's own clock

    def _await(self, what: Literal["head", "body"] | None, head_s: float | None = None) -> None:
        if self._clock is not None:
            self._clock.cancel()
        self._awaited, self._clock = what, None
        if what == "head":
            self._clock = self.loop.call_later(head_s or self.settings.header_s, self._head_is_late)
        elif what == "body":
            self._body_s, self._body_bytes = 0.0, 0
            self._clock = self.loop.call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        """Hold a body to its pace."""
        self._clock = self.loop.call_later(_TICK_S, self._tick)
        if self.flow.read_paused:
            return
        self._body_s += _TICK_S
        least = self.settings.min_body_bytes_s
        if self._body_bytes < (self._body_s - _BODY_GRACE_S) * least:
            self._refuse("timeout", f"A body must come with at least {least} bytes a second. It came slower.")

    def _head_is_late(self) -> None:
        if self.conn.trailing_data[0]:
            self._refuse("timeout", f"A request's head must be there within {self.settings.header_s:g} s. It was not.")
        else:
            self.transport.close()

    def _refuse(self, kind: str, message: str) -> None:
        """Say why and close, unless a reply has begun."""
        self._await(None)
        has_begun = self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE)  # what is read over was refused before
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if not has_begun and not self.transport.is_closing():
            problem = ErrorResponse(kind, message)
            lines = [f"HTTP/1.1 {problem.status_code} {HTTPStatus(problem.status_code).phrase}".encode()]
            lines += [name + b": " + value for name, value in problem.raw_headers]
            self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", bytes(problem.body)]))
        self.transport.close()

    def _stop_write_clock(self) -> None:
        if self._write_clock is not None:
            self._write_clock.cancel()
            self._write_clock = None


@lru_cache
def _refusal(message: str, retry_after_s: int) -> tuple[h11.Event, ...]:
    problem = ErrorResponse("overloaded", message, retry_after_s=retry_after_s)
    head = h11.Response(status_code=problem.status_code, headers=[*problem.raw_headers, *HEADERS])
    return head, h11.Data(data=bytes(problem.body)), h11.EndOfMessage()
