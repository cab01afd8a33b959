"""``/v1/predictions``: predict a sound and log it; list, retrieve and delete logged predictions and sounds."""

import asyncio
import contextlib
import hashlib
import json
from concurrent.futures import Future
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from auricle.errors import AuricleError, StoreError
from auricle.prediction.request import PredictionRequest
from auricle.records import Entry
from auricle.serving.decoder.pool import LongSoundError
from auricle.serving.http.body import Body, receive_body
from auricle.serving.http.dependencies import Admin, Predict, Read, ServiceDep
from auricle.serving.http.query import RequestQuery, parse_metadata, sanitize_name
from auricle.serving.http.schemas import (
    ERRORS,
    Answer,
    EntryPage,
    Kept,
    entry_json,
    fitting_rows,
    listing_json,
    predictions_json,
)
from auricle.serving.inference.admission import Slot
from auricle.serving.inference.sound import InferenceResult, SoundOrigin, SoundTask, predict_sound
from auricle.serving.service import Service
from auricle.store.idempotency import Claim
from auricle.store.predictions.filters import Filter

__all__ = ["await_commit", "router"]

router = APIRouter(prefix="/v1/predictions", tags=["predictions"], responses=ERRORS)

_LARGE_BYTES = 1 << 18
_REFUSAL_S = 0.5
_LISTED_LABELS = 10  # of each prediction, the latest
_SOUND = {"type": "string", "format": "binary"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": _SOUND},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": _SOUND, "metadata": {"type": "string"}},
                    "required": ["file"],
                }
            },
        },
    }
}


class _EntryQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    model: Annotated[str | None, Field(max_length=300, description="name@version, or name for all versions")] = None
    label: Annotated[str | None, Field(max_length=200)] = None
    key: Annotated[str | None, Field(max_length=64)] = None
    group: Annotated[str | None, Field(max_length=255)] = None
    unknown: bool | None = None
    labelled: bool | None = None
    cursor: Annotated[str | None, Field(max_length=100, description="cursor of an earlier page")] = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


@router.post("", status_code=201, response_model=Answer, openapi_extra=_BODY, summary="Predict a sound")
async def predict(
    request: Request,
    service: ServiceDep,
    caller: Predict,
    query: Annotated[RequestQuery, Query()],
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Response:
    """Send a sound as the body, or as the part `file` of a form; 201 means that the prediction is committed."""
    slot: Slot = request.scope["auricle.slot"]
    body = await receive_body(request, service.settings, service.memory_budget)
    try:
        slot.hold()
        origin = SoundOrigin(
            source=sanitize_name(body.source or query.source),
            key=caller.key,
            metadata=parse_metadata(body.metadata if query.metadata is None else query.metadata),
        )
        claim = None
        if idempotency_key is not None:
            claim = await to_thread.run_sync(partial(_claim, service, idempotency_key, body, query.request, origin))
            if claim.entry is not None:
                body.close()
                return _reply(await to_thread.run_sync(service.store.entry, claim.entry))
    except BaseException:
        body.close()
        raise
    try:
        task = SoundTask(
            service.active_model.model,
            service.active_model.cost,
            query.request,
            origin,
            is_admin=bool(caller.key) and "admin" in caller.scopes,
        )
        return _reply(await await_commit(service, await _predict(service, body, task, claim)))
    except AuricleError as error:
        service.metrics.refused.labels(error.as_json()["kind"]).inc()
        if claim is not None:
            await to_thread.run_sync(_release, service, claim)
        if body.n_bytes > _LARGE_BYTES:
            await asyncio.sleep(_REFUSAL_S)  # to receive it again at once would take the event loop from others
        raise


@router.get("", response_model=EntryPage, summary="List predictions, newest first")
async def entries(service: ServiceDep, _: Read, query: Annotated[_EntryQuery, Query()]) -> Response:
    """List the recordings that match all filters, page by page; one by its id has its windows and events too.

    A page may be shorter than its limit, where its entries are large.
    """
    filters = Filter(**query.model_dump(exclude={"cursor", "limit"}))

    def read() -> str:
        page = service.store.entries(filters, cursor=query.cursor, limit=query.limit)
        feedback = service.store.feedback.of([entry.id for entry in page.entries], latest=_LISTED_LABELS)
        rows = (entry_json(entry, feedback.get(entry.id, ())) for entry in page.entries)
        texts = fitting_rows(rows, service.settings.max_reply_bytes)
        if len(texts) < len(page.entries):
            page = service.store.entries(filters, cursor=query.cursor, limit=len(texts))
        return listing_json(texts, cursor=page.cursor)

    return Response(await service.read_threads.run(read), media_type="application/json")


@router.get("/{identity}", response_model=Kept, summary="Return one prediction")
def entry(service: ServiceDep, _: Read, identity: str) -> Response:
    """Return one prediction with its feedback."""
    stored = service.store.entry(identity)
    return _json(entry_json(stored, service.store.feedback.of([stored.id]).get(stored.id, ())))


@router.get(
    "/{identity}/audio",
    response_class=Response,
    responses={200: {"content": {"audio/flac": {"schema": _SOUND}}}},
    summary="Return the sound of a prediction",
)
def audio(service: ServiceDep, _: Read, identity: str) -> Response:
    """Return the sound as FLAC, if it was kept."""
    return Response(service.store.sound(identity), media_type="audio/flac")


@router.delete("/{identity}", status_code=204, response_class=Response, summary="Delete a prediction")
def delete(service: ServiceDep, caller: Admin, identity: str) -> Response:
    """Delete prediction, sound and feedback; the id stays known as deleted."""
    service.store.delete(identity, who=caller.key)
    return Response(status_code=204)


async def await_commit(service: Service, future: "Future[Entry]") -> Entry:
    """Wait until the writer has committed an entry, and return it as stored.

    Raises
    ------
    StoreError : the entry could not be committed in time
    ConflictError : another process answered the same request meanwhile
    """
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(service.settings.commit_s):
            entry = await asyncio.shield(asyncio.wrap_future(future))
    except TimeoutError:
        future.cancel()  # has no effect if the write is in progress
        raise StoreError(
            f"A prediction must be committed within {service.settings.commit_s:g} s. It was not: send the sound again."
        ) from None
    service.metrics.commit_s.observe(asyncio.get_running_loop().time() - began)
    service.metrics.count_prediction(entry.recording)
    return entry


def _claim(service: Service, token: str, body: Body, request: PredictionRequest, origin: SoundOrigin) -> Claim:
    parts = (request.windows, request.events is not None, request.hop_s, origin.source, origin.metadata)
    digest = hashlib.sha256(json.dumps([body.digest(), *parts], sort_keys=True).encode()).hexdigest()
    return service.store.claims.claim(origin.key, token, digest)


def _release(service: Service, claim: Claim) -> None:
    with contextlib.suppress(StoreError):  # an unreleased claim expires
        service.store.claims.release(claim)


async def _predict(service: Service, body: Body, task: SoundTask, claim: Claim | None) -> "Future[Entry]":
    """Predict a sound in a thread, which also submits the entry to the writer; return the writer's future."""

    def work(waited_s: float, is_long: bool) -> tuple[InferenceResult, "Future[Entry]"]:  # noqa: FBT001
        service.metrics.queue_s.observe(waited_s)
        try:
            result = predict_sound(
                task,
                service.decoders,
                body.descriptor(),
                settings=service.settings,
                memory_budget=service.memory_budget,
                is_long=is_long,
                work_ends_at=lambda: service.work_ends_at,
            )
        except LongSoundError:
            raise  # the body is needed again
        except BaseException:
            body.close()
            raise
        body.close()  # freed here, even if the client has disconnected
        return result, service.writer.submit(result.entry, sound=result.sound, claim=claim)

    result, future = await service.admission.run(work, discard=body.close)
    service.metrics.decode_s.observe(result.decode_s)
    service.metrics.predict_s.labels(task.model.name).observe(result.predict_s)
    return future


def _reply(entry: Entry) -> Response:
    return _json(predictions_json(entry), 201, {"Location": f"/v1/predictions/{entry.id}"})


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(content), status, headers, "application/json")
