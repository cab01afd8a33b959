"""One shape and a fitting status for every error, and nothing of the server's inside in it."""

import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient

from auricle.errors import AudioError, AuricleError, BundleError, MissingError, RequestError
from auricle.serving.http.error_responses import STATUS, ErrorResponse, error_response, http_status, install_handlers

SECRET = "/home/me/secret.db"  # noqa: S105


def kinds(error: type[AuricleError] = AuricleError) -> Iterator[type[AuricleError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str))
def test_an_error_of_the_client_is_explained_and_one_of_the_server_is_not(kind: type[AuricleError]) -> None:
    error = kind(SECRET)
    reply = error_response(error)
    body = json.loads(bytes(reply.body))
    assert reply.status_code == http_status(error)
    if kind.kind in STATUS:
        assert body == {"error": {"kind": kind.kind, "message": SECRET}}
    else:
        assert (reply.status_code, body["error"]["kind"]) == (500, "internal")
        assert SECRET not in body["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "wait_s", "headers"),
    [
        ("rate", 2.1, {"retry-after": "3"}),
        ("overloaded", None, {"retry-after": "1"}),
        ("store", 0.0, {"retry-after": "1"}),
        ("unauthorized", None, {"www-authenticate": "Bearer"}),
        ("missing", 5.0, {}),
    ],
)
def test_headers_say_when_and_how_to_try_again(kind: str, wait_s: float | None, headers: dict[str, str]) -> None:
    found = ErrorResponse(kind, "no", retry_after_s=wait_s).headers
    assert {name: found[name] for name in ("retry-after", "www-authenticate") if name in found} == headers
    assert error_response(RequestError("no", reason=kind, retry_after_s=wait_s)).headers == found


class Body(BaseModel):
    depth: float = Field(gt=0)
    name: str


ERRORS = {
    "audio": (AudioError("it is silent"), 422, "it is silent"),
    "missing": (MissingError("no such entry"), 404, "no such entry"),
    "too_large": (HTTPException(413, "at most 3 bytes", {"x-limit": "3"}), 413, "at most 3 bytes"),
    "request": (ClientDisconnect(), 400, "ended before its body"),
    "internal": (ZeroDivisionError(SECRET), 500, "Its log says why"),
    "bundle": (BundleError(SECRET), 500, "Its log says why"),
}


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI(docs_url=None, redoc_url=None)
    install_handlers(app)

    @app.get("/{name}")
    async def fail(name: str) -> None:
        raise ERRORS[name][0]

    @app.post("/body")
    async def body(body: Body) -> None: ...

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("name", ERRORS)
def test_whatever_a_route_raises_is_answered(client: TestClient, name: str) -> None:
    _, status, said = ERRORS[name]
    reply = client.get(f"/{name}")
    assert reply.status_code == status
    assert reply.json()["error"].keys() == {"kind", "message"}
    assert reply.json()["error"]["kind"] == ("internal" if status == 500 else name)
    assert said in reply.json()["error"]["message"]
    assert SECRET not in reply.text
    assert reply.headers.get("x-limit") == ("3" if name == "too_large" else None)


def test_paths_and_methods_that_do_not_exist(client: TestClient) -> None:
    for method, path, status, kind in (("GET", "/a/b", 404, "missing"), ("PATCH", "/body", 405, "method")):
        reply = client.request(method, path)
        assert (reply.status_code, reply.json()["error"]["kind"]) == (status, kind)
        assert "/v1/openapi.json lists" in reply.json()["error"]["message"]


def test_an_invalid_value_is_named_and_further_ones_are_counted(client: TestClient) -> None:
    one = client.post("/body", json={"depth": -1, "name": "a"})
    two = client.post("/body", json={"depth": -1})
    assert (one.status_code, one.json()["error"]["kind"]) == (422, "usage")
    assert one.json()["error"]["message"] == "`depth`: input should be greater than 0."
    assert two.json()["error"]["message"] == "`depth`: input should be greater than 0. 1 more like this."
