"""What routes ask of a request before they answer it: a key with a scope, and the service that it is for."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from auricle.serving.http.auth import Caller
from auricle.serving.service import Service, get_service

__all__ = ["Admin", "Feedback", "Predict", "Promote", "Read", "RequireScope", "ServiceDep", "authorize"]


class RequireScope:
    """A dependency of routes: a key with a scope, and a rate that it has not used up.

    Parameters
    ----------
    scope : what the key must allow
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(
        self, request: Request, _: Annotated[object, Security(HTTPBearer(auto_error=False, bearerFormat="aud_…"))]
    ) -> Caller:
        """Return who asks.

        Raises
        ------
        RequestError : no key, a wrong one, one without the scope, or too many requests
        """
        return await authorize(request, self.scope)


async def authorize(connection: HTTPConnection, scope: str) -> Caller:
    """Return who asks, over HTTP or WebSocket, if the key allows what is asked; counts against its rate.

    Raises
    ------
    RequestError : no key, a wrong one, one without the scope, or too many requests
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
    return get_service(connection)  # without `async` it would take a thread, twice as long as all else that a route asks


ServiceDep = Annotated[Service, Depends(_service)]

Predict = Annotated[Caller, Depends(RequireScope("predict"))]
Feedback = Annotated[Caller, Depends(RequireScope("feedback"))]
Read = Annotated[Caller, Depends(RequireScope("read"))]
Promote = Annotated[Caller, Depends(RequireScope("promote"))]
Admin = Annotated[Caller, Depends(RequireScope("admin"))]
