"""The application around a service that is not started: its paths, its document, other origins, and its end."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

from auricle.serving.app import ROUTERS, create_app
from auricle.serving.http.schemas import ERRORS
from auricle.serving.settings import Settings
from auricle.serving.telemetry import Metrics

PAGE = "https://page.example"


def client_of(**settings: Any) -> TestClient:
    service: Any = SimpleNamespace(
        settings=Settings(**settings), metrics=Metrics(), authenticator=SimpleNamespace(is_open=False)
    )
    return TestClient(create_app(service), base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def client() -> TestClient:
    return client_of()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_every_route_is_served_and_described(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    found = {(path, method): operation for path, method, operation in operations(document)}
    routes = [route for router in ROUTERS for route in router.routes]
    assert any(isinstance(route, WebSocketRoute) for route in routes)  # for which the document has no form
    described = {
        (route.path, method)
        for route in routes
        if isinstance(route, Route) and route.include_in_schema
        for method in route.methods or ()
    }
    assert found.keys() == described
    assert [key for key, operation in found.items() if not operation.get("summary") or not operation.get("tags")] == []


def test_an_error_of_an_operation_has_the_schema_of_errors(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    schema = {"$ref": "#/components/schemas/Error"}
    errors = [
        reply["content"]["application/json"]["schema"]
        for _, _, operation in operations(document)
        for status, reply in operation["responses"].items()
        if int(status) in ERRORS
    ]
    assert len(errors) > len(ERRORS)
    assert all(error == schema for error in errors)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/v1/predictions/"])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path, follow_redirects=False).status_code == 404


def test_configured_origins_are_accepted() -> None:
    client = client_of(origins=(PAGE,))
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization, idempotency-key"}
    reply = client.options("/v1/predictions/x/feedback", headers={"Origin": PAGE, **asked})
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, PAGE)
    assert "access-control-allow-credentials" not in reply.headers
    refused = client.get("/v1/openapi.json", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers


def test_without_configured_origins_no_page_may_ask(client: TestClient) -> None:
    reply = client.options("/v1/predictions", headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"})
    assert reply.status_code == 403
    assert client.options("/v1/openapi.json").status_code == 405


def test_shutdown_closes_the_service() -> None:
    happened: list[str] = []

    async def poll() -> None:
        happened.append("poll")

    service: Any = SimpleNamespace(
        settings=Settings(),
        metrics=Metrics(),
        authenticator=SimpleNamespace(is_open=False),
        poll=poll,
        close=lambda: happened.append("close"),
    )
    with TestClient(create_app(service), base_url="http://127.0.0.1") as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert happened == ["poll"]
    assert happened == ["poll", "close"]
