"""FastAPI dependencies of routes: a key with a scope, a rate limit, and the service."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from auricle.serving.http.auth import Caller
from auricle.serving.service import Service, get_service

__all__ = ["Admin", "Feedback", "Predict", "Promote", "Read", "RequireScope", "ServiceDep", "authorize"]


class RequireScope:
    """Dependency that requires a key with a scope, within its rate limit.

    Parameters
    ----------
    scope : str
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(
        self, request: Request, _: Annotated[object, Security(HTTPBearer(auto_error=False, bearerFormat="aud_…"))]
    ) -> Caller:
        """Return the authorized caller.

        Raises
        ------
        RequestError : the key is missing, wrong, without the scope, or over its rate limit
        """
        return await authorize(request, self.scope)


async def authorize(connection: HTTPConnection, scope: str) -> Caller:
    """Return the authorized caller of an HTTP or WebSocket request, and count the request against its rate limit.

    Raises
    ------
    RequestError : the key is missing, wrong, without the scope, or over its rate limit
    """
    service = get_service(connection)
    address = connection.client.host if connection.client else ""
    caller = await service.authenticator.authenticate(connection.headers.get("authorization"), address)
    connection.scope["auricle.key"] = caller.key
    caller.check(scope)
    if caller.key:
        await service.rate_limits.spend(caller.key)
    return caller


async def _service(connection: HTTPConnection) -> Service:
    return get_service(connection)  # async, because FastAPI runs other dependencies in a thread, which takes longer


ServiceDep = Annotated[Service, Depends(_service)]

Predict = Annotated[Caller, Depends(RequireScope("predict"))]
Feedback = Annotated[Caller, Depends(RequireScope("feedback"))]
Read = Annotated[Caller, Depends(RequireScope("read"))]
Promote = Annotated[Caller, Depends(RequireScope("promote"))]
Admin = Annotated[Caller, Depends(RequireScope("admin"))]
