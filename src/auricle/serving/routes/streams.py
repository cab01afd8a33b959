"""``/v1/streams``: raw samples over a WebSocket, answered window by window with the class that files go through."""

import asyncio
import contextlib
import json
import time
from functools import partial
from typing import Any, Final

from anyio import CancelScope, to_thread
from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketState

from auricle.errors import AuricleError, RequestError, StoreError, UsageError
from auricle.runtime.clock import new_id
from auricle.serving.http.dependencies import authorize
from auricle.serving.http.error_responses import error_response, http_status
from auricle.serving.http.query import RequestQuery, parse_metadata, sanitize_name
from auricle.serving.inference import SoundOrigin
from auricle.serving.routes.predictions import keep
from auricle.serving.service import Service, get_service
from auricle.serving.stream_session import StreamSession

__all__ = ["router"]

router = APIRouter()

_END: Final = "end"
_AHEAD_S: Final = 10.0
_FASTEST: Final = 8.0

_OK, _POLICY, _INTERNAL, _RESTART, _LATER = 1000, 1008, 1011, 1012, 1013


class _StreamQuery(RequestQuery):
    rate_hz: int
    sample_format: str = "s16"
    windows: bool = True


@router.websocket("/v1/streams")
async def streams(websocket: WebSocket) -> None:
    """Answer a stream until it ends.

    Binary messages hold samples of one channel, in pieces of any size; the text ``end`` ends the sound. Every answer
    is one JSON message: windows and events as they come, and each minute the recording so far, with the id under
    which it is kept. A client that does not read is not read from.
    """
    service = get_service(websocket)
    identity = new_id()
    try:
        caller = await authorize(websocket, "predict")
        session = _session(service, websocket, caller.key)
        await to_thread.run_sync(partial(_open, service, identity, caller.key))
    except AuricleError as error:
        await websocket.send_denial_response(error_response(error))
        return
    service.sessions.add(identity)
    service.metrics.streams.inc()
    try:
        await websocket.accept()
        await _converse(service, websocket, session)
    finally:
        service.metrics.streams.dec()
        service.sessions.discard(identity)
        with CancelScope(shield=True), contextlib.suppress(StoreError):
            await to_thread.run_sync(service.store.rate_limits.close_session, identity)


async def _converse(service: Service, websocket: WebSocket, session: StreamSession) -> None:
    """Hear a client out, and say why where it ends early."""
    code, reason = _OK, ""
    try:
        async with asyncio.timeout(service.settings.stream_total_s):
            code, reason = await _listen(service, websocket, session)
    except TimeoutError:
        code, reason = _POLICY, f"a stream may last {service.settings.stream_total_s:g} s; connect again"
    except AuricleError as error:
        code, reason = _LATER if http_status(error) == 503 else _POLICY, error.as_json()["kind"]
        with contextlib.suppress(Exception):
            await _say(websocket, json.loads(bytes(error_response(error).body)))
    finally:
        # Also where the server gives up waiting for us; whoever has left cannot be told of an error.
        with CancelScope(shield=True), contextlib.suppress(AuricleError):
            await _cut(service, None, session)
    if websocket.application_state is WebSocketState.CONNECTED and websocket.client_state is WebSocketState.CONNECTED:
        with contextlib.suppress(RuntimeError):
            await websocket.close(code, reason)


async def _listen(service: Service, websocket: WebSocket, session: StreamSession) -> tuple[int, str]:
    """Take message after message; return how the conversation ended."""
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    while True:
        try:
            async with asyncio.timeout(service.settings.stream_idle_s):
                message = await websocket.receive()
        except TimeoutError:
            return _POLICY, f"no sound came for {service.settings.stream_idle_s:g} s"
        if message["type"] == "websocket.disconnect":
            await loop.run_in_executor(service.live, session.end)
            return _OK, ""
        content = message.get("bytes")
        if content is None:
            if message.get("text") != _END:
                raise UsageError("A stream takes samples as binary messages, and the text `end`. Got another text.")
            await _tell(websocket, await loop.run_in_executor(service.live, session.end))
            await _cut(service, websocket, session)
            return _OK, ""
        await _tell(websocket, await loop.run_in_executor(service.live, session.push, content))
        if session.is_due:
            await _cut(service, websocket, session)
            if service.active_model.model is not session.model:
                return _RESTART, "another model is the champion now; connect again"
        ahead_s = session.n_samples / session.rate_hz - _FASTEST * (time.monotonic() - began) - _AHEAD_S
        if ahead_s > 0:  # a file sent as a stream: others are served too
            await asyncio.sleep(min(1.0, ahead_s / _FASTEST))


async def _cut(service: Service, websocket: WebSocket | None, session: StreamSession) -> None:
    """Keep what was heard since the last time, and tell its id."""
    made = await asyncio.get_running_loop().run_in_executor(service.live, session.cut)
    if made is not None:
        entry, sound = made
        kept = await keep(service, service.writer.submit(entry, sound=sound))
        if websocket is not None:
            await _say(websocket, kept.recording.as_json() | {"id": kept.id})


async def _tell(websocket: WebSocket, told: list[dict[str, Any]]) -> None:
    for one in told:
        await _say(websocket, one)


async def _say(websocket: WebSocket, said: dict[str, Any]) -> None:
    await websocket.send_text(json.dumps(said))


def _session(service: Service, websocket: WebSocket, key: str) -> StreamSession:
    try:
        query = _StreamQuery.model_validate(dict(websocket.query_params))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"][0].lower() + first["msg"][1:]
        raise UsageError(f"`{'.'.join(map(str, first['loc']))}`: {message}.") from error
    settings = service.settings
    if not settings.min_rate_hz <= query.rate_hz <= settings.max_rate_hz:
        raise UsageError(f"`rate_hz` must be from {settings.min_rate_hz} to {settings.max_rate_hz}. Got {query.rate_hz}.")
    return StreamSession(
        service.active_model.model,
        rate_hz=query.rate_hz,
        sample_format=query.sample_format,
        request=query.request,
        origin=SoundOrigin(source=sanitize_name(query.source) or "stream", key=key, metadata=parse_metadata(query.metadata)),
        settings=settings,
    )


def _open(service: Service, identity: str, key: str) -> None:
    most, max_per_key = service.settings.max_streams, service.settings.max_streams_per_key
    if not service.store.rate_limits.open_session(identity, key, most=most, max_per_key=max_per_key if key else most):
        raise RequestError(
            f"At most {most} streams may be open, and {max_per_key} of one key. Close one first.", reason="rate"
        )
