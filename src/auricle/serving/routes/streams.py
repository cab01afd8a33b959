"""``/v1/streams``: raw samples over a WebSocket in, predictions of windows, events and recordings out."""

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
from auricle.serving.inference.memory import STREAMS_SHARE
from auricle.serving.inference.sound import SoundOrigin
from auricle.serving.inference.stream_session import StreamSession
from auricle.serving.routes.predictions import await_commit
from auricle.serving.service import Service, get_service

__all__ = ["STREAMS", "router"]

STREAMS: Final = "/v1/streams"
"""The one path that takes a WebSocket."""

router = APIRouter()

_END: Final = "end"
_AHEAD_S: Final = 10.0
_MAX_SPEED: Final = 4.0  # times real time
_MESSAGES: Final = 2  # held at a time: one that arrives, one that is predicted

_OK, _POLICY, _RESTART, _TRY_AGAIN = 1000, 1008, 1012, 1013  # close codes


class _StreamQuery(RequestQuery):
    rate_hz: int
    sample_format: str = "s16"
    windows: bool = True


@router.websocket(STREAMS)
async def streams(websocket: WebSocket) -> None:
    """Predict a stream until it ends.

    Binary messages hold samples of one channel, in chunks of any size; the text ``end`` ends the sound. Each prediction
    is one JSON message: windows and events as they are made, and every minute the recording so far, with the id of its
    log entry. Backpressure: the server does not read from a client that does not read.
    """
    service = get_service(websocket)
    identity = new_id()
    try:
        caller = await authorize(websocket, "predict")
        session = _session(service, websocket, caller.key)
        n_bytes = _MESSAGES * service.settings.stream_message_bytes
        service.memory_budget.reserve(n_bytes, share=STREAMS_SHARE)
        try:
            await to_thread.run_sync(partial(_open, service, identity, caller.key))
        except BaseException:
            service.memory_budget.release(n_bytes)
            raise
    except AuricleError as error:
        await websocket.send_denial_response(error_response(error))
        return
    service.sessions.add(identity)
    service.metrics.streams.inc()
    try:
        await websocket.accept()
        await _run_session(service, websocket, session)
    finally:
        session.close()
        service.memory_budget.release(n_bytes)
        service.metrics.streams.dec()
        service.sessions.discard(identity)
        with CancelScope(shield=True), contextlib.suppress(StoreError):
            await to_thread.run_sync(service.store.rate_limits.close_session, identity)


async def _run_session(service: Service, websocket: WebSocket, session: StreamSession) -> None:
    """Receive until the stream ends, save the last entry, and close with a code and a reason."""
    code, reason = _OK, ""
    try:
        async with asyncio.timeout(service.settings.stream_total_s):
            code, reason = await _receive_messages(service, websocket, session)
    except TimeoutError:
        code, reason = _POLICY, f"a stream may last {service.settings.stream_total_s:g} s; connect again"
    except AuricleError as error:
        code, reason = _TRY_AGAIN if http_status(error) == 503 else _POLICY, error.as_json()["kind"]
        with contextlib.suppress(Exception):
            await _send(websocket, json.loads(bytes(error_response(error).body)))
    finally:
        # Shielded, because a server that stops cancels its streams; a client that has left gets no error.
        with CancelScope(shield=True), contextlib.suppress(AuricleError):
            await _save_entry(service, None, session)
    if websocket.application_state is WebSocketState.CONNECTED and websocket.client_state is WebSocketState.CONNECTED:
        with contextlib.suppress(RuntimeError):
            await websocket.close(code, reason)


async def _receive_messages(service: Service, websocket: WebSocket, session: StreamSession) -> tuple[int, str]:
    """Process messages until the stream ends, and return the close code and the reason."""
    began = time.monotonic()
    while True:
        try:
            async with asyncio.timeout(service.settings.stream_idle_s):
                message = await websocket.receive()
        except TimeoutError:
            return _POLICY, f"no sound came for {service.settings.stream_idle_s:g} s"
        if message["type"] == "websocket.disconnect":
            await service.stream_threads.run(session.end)
            return _OK, ""
        content = message.get("bytes")
        if content is None:
            if message.get("text") != _END:
                raise UsageError("A stream takes samples as binary messages, and the text `end`. Got another text.")
            await _send(websocket, *await service.stream_threads.run(session.end))
            await _save_entry(service, websocket, session)
            return _OK, ""
        for piece in session.pieces(content):
            await _send(websocket, *await service.stream_threads.run(session.push, piece))
            if service.is_stopping:
                return _RESTART, "the server is stopping"
        if session.is_due:
            await _save_entry(service, websocket, session)
            if service.active_model.model is not session.model:
                return _RESTART, "another model is the champion now; connect again"
        ahead_s = session.n_samples / session.rate_hz - _MAX_SPEED * (time.monotonic() - began) - _AHEAD_S
        if ahead_s > 0:  # a file sent as a stream must not starve live streams
            await asyncio.sleep(min(1.0, ahead_s / _MAX_SPEED))


async def _save_entry(service: Service, websocket: WebSocket | None, session: StreamSession) -> None:
    """Commit the sound since the last entry as a new entry, and send its prediction and id."""
    cut = await service.stream_threads.run(session.cut)
    if cut is not None:
        entry, sound = cut
        stored = await await_commit(service, service.writer.submit(entry, sound=sound))
        if websocket is not None:
            await _send(websocket, stored.recording.as_json() | {"id": stored.id})


async def _send(websocket: WebSocket, *messages: dict[str, Any]) -> None:
    for message in messages:
        await websocket.send_text(json.dumps(message))


def _session(service: Service, websocket: WebSocket, key: str) -> StreamSession:
    try:
        query = _StreamQuery.model_validate(dict(websocket.query_params))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"][0].lower() + first["msg"][1:]
        raise UsageError(f"`{'.'.join(map(str, first['loc']))}`: {message}.") from error
    settings = service.settings
    if not settings.min_rate_hz <= query.rate_hz <= settings.max_rate_hz:
        raise UsageError(
            f"`rate_hz` must be from {settings.min_rate_hz} to {settings.max_rate_hz}. Got {query.rate_hz}."
        )
    return StreamSession(
        service.active_model.model,
        cost=service.active_model.cost,
        memory_budget=service.memory_budget,
        rate_hz=query.rate_hz,
        sample_format=query.sample_format,
        request=query.request,
        origin=SoundOrigin(
            source=sanitize_name(query.source) or "stream", key=key, metadata=parse_metadata(query.metadata)
        ),
        settings=settings,
    )


def _open(service: Service, identity: str, key: str) -> None:
    max_sessions, max_per_key = service.settings.max_streams, service.settings.max_streams_per_key
    if not service.store.rate_limits.open_session(
        identity, key, max_sessions=max_sessions, max_per_key=max_per_key if key else max_sessions
    ):
        raise RequestError(
            f"At most {max_sessions} streams may be open, and {max_per_key} per key. Close one first.", reason="rate"
        )
