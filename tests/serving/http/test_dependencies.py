"""Every route with every kind of key: a new route that is not listed here fails the test."""

import pytest
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import WebSocketDenialResponse

from auricle.serving.app import ROUTERS

PUBLIC = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/")}

SCOPES = {
    ("POST", "/v1/predictions"): "predict",
    ("GET", "/v1/predictions"): "read",
    ("GET", "/v1/predictions/{identity}"): "read",
    ("GET", "/v1/predictions/{identity}/audio"): "read",
    ("DELETE", "/v1/predictions/{identity}"): "admin",
    ("PUT", "/v1/predictions/{identity}/feedback"): "feedback",
    ("GET", "/v1/review"): "read",
    ("WEBSOCKET", "/v1/streams"): "predict",
    ("GET", "/v1/monitor"): "read",
    ("GET", "/v1/models"): "read",
    ("POST", "/v1/models/{name}/promote"): "promote",
    ("POST", "/v1/models/{name}/rollback"): "promote",
    ("GET", "/metrics"): "read",
}

WRONG = {
    "no key": (None, 401),
    "no bearer": ("Basic YTpi", 401),
    "nonsense": ("Bearer aud_", 401),
    "wrong": ("Bearer aud_abcdefgh_" + "x" * 43, 401),
    "expired": ("expired", 401),
    "revoked": ("revoked", 401),
}


def routes() -> list[tuple[str, str]]:
    found = []
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, WebSocketRoute):
                found.append(("WEBSOCKET", route.path))
            elif isinstance(route, Route):
                found += [(method, route.path) for method in sorted(route.methods or ()) if method != "HEAD"]
    return found


def ask(served, method: str, path: str, authorization: str | None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    path = path.format(identity="01a206bc-0000-7000-8000-000000000000", name="states")
    if method != "WEBSOCKET":
        content = {"json": {}} if method == "PUT" or "models/" in path else {}
        return served.client.request(method, path, headers=headers, **content).status_code
    try:
        with served.client.websocket_connect(f"ws://127.0.0.1{path}?rate_hz=8000", headers=headers):
            return 101
    except WebSocketDenialResponse as denied:
        return denied.status_code


def test_every_route_is_listed() -> None:
    assert set(routes()) == PUBLIC | set(SCOPES)


@pytest.mark.parametrize("route", sorted(SCOPES))
@pytest.mark.parametrize("kind", WRONG)
def test_wrong_keys_are_401(guarded, route: tuple[str, str], kind: str) -> None:
    token, status = WRONG[kind]
    if token in guarded.keys:
        token = f"Bearer {guarded.keys[token]}"
    guarded.service.authenticator._failures.clear()  # this test fails more often than an address may
    assert ask(guarded, *route, token) == status


@pytest.mark.parametrize("route", sorted(SCOPES))
def test_keys_without_the_scope_are_403(guarded, route: tuple[str, str]) -> None:
    for scope in SCOPES.values():
        status = ask(guarded, *route, f"Bearer {guarded.keys[scope]}")
        assert (status == 403) == (scope != SCOPES[route])
        assert status not in (401, 500)


@pytest.mark.parametrize("route", sorted(PUBLIC))
def test_public_routes_need_no_key(guarded, route: tuple[str, str]) -> None:
    assert ask(guarded, *route, None) == 200


@pytest.mark.parametrize("route", sorted(SCOPES))
def test_a_server_without_keys_needs_none(served, route: tuple[str, str]) -> None:
    assert ask(served, *route, None) not in (401, 403, 500)


def test_keys_in_the_url_are_ignored(guarded) -> None:
    assert guarded.client.get(f"/v1/models?key={guarded.keys['read']}&token={guarded.keys['read']}").status_code == 401
