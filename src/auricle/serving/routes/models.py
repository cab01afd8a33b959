"""``/v1/models``: list the registry, promote a model to champion, roll back."""

import json
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Response

from auricle.errors import MissingError
from auricle.serving.http.dependencies import Promote, Read, ServiceDep
from auricle.serving.http.schemas import ERRORS, ModelPage, Moved, PromoteBody, RollbackBody
from auricle.serving.service import Service

__all__ = ["router"]

router = APIRouter(prefix="/v1/models", tags=["models"], responses=ERRORS)


@router.get("", response_model=ModelPage, summary="List all models")
def models(service: ServiceDep, _: Read) -> Response:
    """List the registry, newest first, and name the active model of this server."""
    page = {
        "serving": service.active_model.model.name,
        "models": [model.as_json() for model in service.store.models.all()],
    }
    return Response(json.dumps(page), media_type="application/json")


@router.post("/{name}/promote", response_model=Moved, summary="Promote a model to champion")
async def promote(service: ServiceDep, caller: Promote, name: str, body: PromoteBody) -> Response:
    """Make a version of a model, or its challenger, the champion; all servers load it within seconds."""

    def change() -> dict[str, Any]:
        reference = f"{name}@{body.version or 'challenger'}"
        found = service.store.models.find(reference)
        if found.name != name:
            raise MissingError(f"There is no model {reference[:300]!r}.")
        expected = service.store.aliases.digest(name)
        return service.store.aliases.promote(
            name, found.digest, expected=expected, who=caller.key, why=body.why
        ).as_json()

    return await _refreshed(service, name, await to_thread.run_sync(change))


@router.post("/{name}/rollback", response_model=Moved, summary="Restore the previous champion")
async def rollback(service: ServiceDep, caller: Promote, name: str, body: RollbackBody) -> Response:
    """Restore the champion before the last promotion."""

    def change() -> dict[str, Any]:
        return service.store.aliases.rollback(name, who=caller.key, why=body.why).as_json()

    return await _refreshed(service, name, await to_thread.run_sync(change))


async def _refreshed(service: Service, name: str, change: dict[str, Any]) -> Response:
    await service.refresh()  # this process at once, the others within `model_poll_s`
    champion = await to_thread.run_sync(service.store.models.champion, name)
    return Response(json.dumps({"champion": champion.id, "change": change}), media_type="application/json")
