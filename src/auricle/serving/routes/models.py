"""``/v1/models``: list the registry, promote a model to champion, roll back."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Response

from auricle.errors import ConflictError, MissingError, RequestError
from auricle.serving.http.dependencies import Promote, Read, ServiceDep
from auricle.serving.http.schemas import ERRORS, ModelPage, Moved, PromoteBody, RollbackBody
from auricle.serving.service import Service

__all__ = ["router"]

router = APIRouter(prefix="/v1/models", tags=["models"], responses=ERRORS)

IfMatch = Annotated[
    str | None, Header(max_length=4096, description="ETag of the champion that is to be replaced, or *")
]

_UNCHECKED: Final = "Without If-Match or `expected`, a change that somebody else made meanwhile is overwritten."


@router.get("", response_model=ModelPage, summary="List models")
async def models(service: ServiceDep, _: Read, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> Response:
    """List the registry, newest first, and name the active model of this server; its champion is the ETag."""

    def read() -> tuple[str, str | None]:
        page = {
            "serving": service.active_model.model.name,
            "models": [model.as_json() for model in service.store.models.all()[:limit]],
        }
        return json.dumps(page), service.store.aliases.digest(service.active_model.name)

    content, champion = await service.read_threads.run(read)
    return Response(content, headers=_etag(champion), media_type="application/json")


@router.post("/{name}/promote", response_model=Moved, summary="Promote a model to champion")
async def promote(
    service: ServiceDep, caller: Promote, name: str, body: PromoteBody, if_match: IfMatch = None
) -> Response:
    """Make a version of a model, or its challenger, the champion; all servers load it within seconds.

    `If-Match` with the ETag of the champion that is to be replaced, or `expected` in the body, makes sure that nobody
    has changed it meanwhile: 412 tells which champion stands.
    """

    def change() -> dict[str, Any]:
        reference = f"{name}@{body.version or 'challenger'}"
        found = service.store.models.find(reference)
        if found.name != name:
            raise MissingError(f"There is no model {reference[:300]!r}.")
        expected = _expected(service, name, if_match, body.expected)
        with _raced(service, name):
            return service.store.aliases.promote(
                name, found.digest, expected=expected, who=caller.key, why=body.why
            ).as_json()

    is_checked = if_match is not None or body.expected is not None
    return await _moved(service, name, await to_thread.run_sync(change), is_checked=is_checked)


@router.post("/{name}/rollback", response_model=Moved, summary="Restore the previous champion")
async def rollback(
    service: ServiceDep, caller: Promote, name: str, body: RollbackBody, if_match: IfMatch = None
) -> Response:
    """Restore the champion before the last promotion; `If-Match` and `expected` as for promote."""

    def change() -> dict[str, Any]:
        expected = _expected(service, name, if_match, body.expected)
        with _raced(service, name):
            return service.store.aliases.rollback(name, expected=expected, who=caller.key, why=body.why).as_json()

    is_checked = if_match is not None or body.expected is not None
    return await _moved(service, name, await to_thread.run_sync(change), is_checked=is_checked)


def _expected(service: Service, name: str, if_match: str | None, expected: str | None) -> str | None:
    """Return the digest of the champion, which is as the client expects it.

    Raises
    ------
    RequestError : the client expects another champion
    """
    digest = service.store.aliases.digest(name)
    if (
        if_match is not None
        and if_match.strip() != "*"
        and f'"{digest}"' not in re.findall(r'(?:W/)?"[^"]*"', if_match)
    ):
        raise _precondition(service, name)
    if if_match is not None and digest is None:
        raise _precondition(service, name)
    if expected is not None:
        champions = service.store.models.champions(name)
        is_it = (
            champions and expected and (champions[0].version == expected or champions[0].digest.startswith(expected))
        )
        if not is_it:
            raise _precondition(service, name)
    return digest


@contextmanager
def _raced(service: Service, name: str) -> Iterator[None]:
    """Turn a conflict with a change that came between into the answer that tells what stands."""
    try:
        yield
    except ConflictError:
        raise _precondition(service, name) from None


def _precondition(service: Service, name: str) -> RequestError:
    champions = service.store.models.champions(name)
    stands = f"It is {champions[0].id}, of the digest {champions[0].digest}" if champions else "There is none"
    return RequestError(
        f"The champion of {name[:200]} must be the one that the request expects to replace. {stands}: read it again, "
        "and decide anew.",
        reason="precondition",
    )


async def _moved(service: Service, name: str, change: dict[str, Any], *, is_checked: bool) -> Response:
    await service.refresh()  # this process at once, the others within `model_poll_s`
    champion = await to_thread.run_sync(service.store.models.champion, name)
    body = {"champion": champion.id, "change": change} | ({} if is_checked else {"warning": _UNCHECKED})
    headers = _etag(champion.digest) | ({} if is_checked else {"Warning": f'299 - "{_UNCHECKED}"'})
    return Response(json.dumps(body), headers=headers, media_type="application/json")


def _etag(digest: str | None) -> dict[str, str]:
    return {} if digest is None else {"ETag": f'"{digest}"'}
