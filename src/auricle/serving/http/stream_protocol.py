"""WebSocket connections for hostile clients: uvicorn's sans-I/O protocol with refusals as JSON and no tracebacks."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Response

from auricle.serving.http.error_responses import ErrorResponse

__all__ = ["StreamProtocol", "WriteTimeout"]

_INVALID_TEXT: Final = 1007  # close code
_WRITE_S: Final = 30.0


class WriteTimeout(asyncio.Protocol):
    """A connection that is aborted after 30 s of a client that does not read: what is sent to it takes memory."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _write_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Give the client some time."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(_WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Send on."""
        super().resume_writing()
        self._stop_write_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._stop_write_timer()
        super().connection_lost(exc)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


class StreamProtocol(WriteTimeout, WebSocketsSansIOProtocol):
    """A WebSocket connection that refuses handshakes in the server's one form of errors."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn.reject = _refusal  # type: ignore[method-assign]  # with which websockets answers a bad handshake

    async def send(self, message: Any) -> None:
        """Send an ASGI message; a refusal of the application completes the handshake."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # else uvicorn logs an error for every stream that is refused

    def send_receive_event_to_app(self) -> None:
        """Pass a whole message on; close on a text that is none."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(_INVALID_TEXT)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Close after bytes that are no frame, or refuse a head that websockets does not take."""
        if self.handshake_initiated:
            super().handle_parser_exception()
            return
        self.conn.send_response(_refusal(400, "The head of a stream must have at most 128 short lines."))
        self.handshake_complete = self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()


def _refusal(status: int, text: str) -> Response:
    """Return a refused handshake: 500 where uvicorn reports a fault of ours, else an error of the client's."""
    kind = "internal" if status >= 500 else "request"
    response = ErrorResponse(kind, text if status >= 500 else f"A stream must begin with a WebSocket handshake. {text}")
    headers = Headers([(name.decode(), value.decode()) for name, value in response.raw_headers])
    headers["Connection"] = "close"
    return Response(response.status_code, "Bad Request" if status < 500 else "Error", headers, bytes(response.body))
