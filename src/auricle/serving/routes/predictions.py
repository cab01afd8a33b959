"""``/v1/predictions``: sound in, an answer out once it is kept; and all that was answered before."""

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
from auricle.serving.admission import Slot
from auricle.serving.http.body import Body, receive
from auricle.serving.http.dependencies import Admin, Predict, Read, ServiceDep
from auricle.serving.http.query import RequestQuery, parse_metadata, sanitize_name
from auricle.serving.http.schemas import ERRORS, Answer, EntryPage, Kept
from auricle.serving.http.serializers import answer_json, entry_json
from auricle.serving.inference import InferenceResult, SoundOrigin, answer
from auricle.serving.service import Service
from auricle.store.idempotency import Claim
from auricle.store.predictions.filters import Filter

__all__ = ["keep", "router"]

router = APIRouter(prefix="/v1/predictions", tags=["predictions"], responses=ERRORS)

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


class _Wanted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    model: Annotated[str | None, Field(max_length=300, description="name@version, or name for all versions")] = None
    label: Annotated[str | None, Field(max_length=200)] = None
    key: Annotated[str | None, Field(max_length=64)] = None
    group: Annotated[str | None, Field(max_length=255)] = None
    unknown: bool | None = None
    labelled: bool | None = None
    cursor: Annotated[str | None, Field(max_length=100, description="where the next page begins")] = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


@router.post("", status_code=201, response_model=Answer, openapi_extra=_BODY, summary="Answer a sound")
async def predict(
    request: Request,
    service: ServiceDep,
    caller: Predict,
    query: Annotated[RequestQuery, Query()],
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Response:
    """Send a sound, as the body or as the part `file` of a form; 201 means that the answer is kept."""
    slot: Slot = request.scope["auricle.place"]
    body = await receive(request, service.settings, service.memory_budget)
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
        return _reply(await keep(service, await _answer(service, body, query.request, origin, claim)))
    except AuricleError as error:
        service.metrics.refused.labels(error.as_json()["kind"]).inc()
        if claim is not None:
            await to_thread.run_sync(_release, service, claim)
        raise


@router.get("", response_model=EntryPage, summary="What was answered, the newest first")
def entries(service: ServiceDep, _: Read, wanted: Annotated[_Wanted, Query()]) -> Response:
    """List answers that fit all filters, page by page."""
    values = wanted.model_dump(exclude={"cursor", "limit"})
    page = service.store.entries(Filter(**values), cursor=wanted.cursor, limit=wanted.limit)
    said = service.store.feedback.of([one.id for one in page.entries])
    told = {"entries": [entry_json(one, said.get(one.id, ())) for one in page.entries], "cursor": page.cursor}
    return _json(told)


@router.get("/{identity}", response_model=Kept, summary="One answer")
def entry(service: ServiceDep, _: Read, identity: str) -> Response:
    """Return one answer as it is kept, with what people said of it."""
    found = service.store.entry(identity)
    return _json(entry_json(found, service.store.feedback.of([found.id]).get(found.id, ())))


@router.get(
    "/{identity}/audio",
    response_class=Response,
    responses={200: {"content": {"audio/flac": {"schema": _SOUND}}}},
    summary="The sound of an answer",
)
def audio(service: ServiceDep, _: Read, identity: str) -> Response:
    """Return the sound as FLAC, where it was kept."""
    return Response(service.store.sound(identity), media_type="audio/flac")


@router.delete("/{identity}", status_code=204, response_class=Response, summary="Erase an answer")
def delete(service: ServiceDep, caller: Admin, identity: str) -> Response:
    """Erase sound, answer and feedback; that there was an answer of this id remains known."""
    service.store.delete(identity, who=caller.key)
    return Response(status_code=204)


async def keep(service: Service, future: "Future[Entry]") -> Entry:
    """Wait until an entry that the writer was given is committed, and return it as it is kept.

    Raises
    ------
    StoreError : it could not be committed in time
    ConflictError : another process answered the same request meanwhile
    """
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(service.settings.commit_s):
            kept = await asyncio.shield(asyncio.wrap_future(future))
    except TimeoutError:
        future.cancel()  # not written, unless it is being written just now
        raise StoreError(f"The answer could not be kept within {service.settings.commit_s:g} s. Ask again.") from None
    service.metrics.commit_s.observe(asyncio.get_running_loop().time() - began)
    service.metrics.tell(kept.recording)
    return kept


def _claim(service: Service, token: str, body: Body, request: PredictionRequest, origin: SoundOrigin) -> Claim:
    asked = (request.windows, request.events is not None, request.hop_s, origin.source, origin.metadata)
    digest = hashlib.sha256(json.dumps([body.digest(), *asked], sort_keys=True).encode()).hexdigest()
    return service.store.claims.claim(origin.key, token, digest)


def _release(service: Service, claim: Claim) -> None:
    with contextlib.suppress(StoreError):  # then it is abandoned in time
        service.store.claims.release(claim)


async def _answer(
    service: Service, body: Body, request: PredictionRequest, origin: SoundOrigin, claim: Claim | None
) -> "Future[Entry]":
    """Have a sound answered, and handed to the store's writer by the thread that answered it."""
    model = service.active_model.model

    def work(waited_s: float) -> tuple[InferenceResult, "Future[Entry]"]:
        service.metrics.queue_s.observe(waited_s)
        with body:  # freed here, whoever still waits
            answered = answer(
                model,
                service.decoders,
                body.descriptor(),
                request=request,
                origin=origin,
                settings=service.settings,
            )
        return answered, service.writer.submit(answered.entry, sound=answered.sound, claim=claim)

    answered, kept = await service.admission.run(work)
    service.metrics.decode_s.observe(answered.decode_s)
    service.metrics.answer_s.labels(model.name).observe(answered.answer_s)
    return kept


def _reply(entry: Entry) -> Response:
    return _json(answer_json(entry), 201, {"Location": f"/v1/predictions/{entry.id}"})


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(content), status, headers, "application/json")
