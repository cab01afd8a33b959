"""What a server keeps does not grow with what strangers send: many values of everything that a request carries.

``AURICLE_GROWTH`` sets how many: a thousand in the suite, ten thousand by ``make hardening``.
"""

import gc
import logging
import os
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from auricle.serving.http import auth, middleware

N = int(os.environ.get("AURICLE_GROWTH", "1000"))

REQUESTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "all that a sound carries": lambda n: {
        "method": "POST",
        "query_string": b"source=name%d&metadata={%%22site%d%%22:1}" % (n, n),
        "client": address(n),
        "headers": [
            (b"authorization", b"Bearer aud_aaaaaaaa_%043d" % n),
            (b"idempotency-key", b"key%d" % n),
            (b"content-type", b"multipart/form-data; boundary=%d" % n),
            (b"user-agent", b"agent%d" % n),
            (b"x-name%d" % n, b"x"),
        ],
    },
    "a path and a query": lambda n: {
        "path": f"/v1/predictions/{n:08}",
        "query_string": b"name%d=value" % n,
        "client": address(n),
        "headers": [(b"authorization", b"Bearer x%d" % n)],
    },
    "a method and a path of no route": lambda n: {"method": f"M{n}", "path": f"/{n:08}", "client": address(n)},
    "a method of a route": lambda n: {"method": f"M{n}", "client": address(n)},
    "a host": lambda n: {"headers": [(b"host", b"name%d" % n)], "client": address(n)},
    "an origin": lambda n: {"headers": [(b"origin", b"https://name%d.example" % n)], "client": address(n)},
    "a stream": lambda n: {
        "type": "websocket",
        "path": "/v1/streams",
        "query_string": b"rate_hz=%d" % n,
        "client": address(n),
        "headers": [(b"authorization", b"Bearer aud_aaaaaaaa_%043d" % n), (b"sec-websocket-protocol", b"p%d" % n)],
    },
    "a stream of no route": lambda n: {"type": "websocket", "path": f"/v1/streams{n}", "client": address(n)},
}


def memory() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def address(n: int) -> tuple[str, int]:
    return f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", REQUESTS)
def test_nothing_that_is_kept_grows(guarded: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "_REFUSAL_S", 0.0)
    monkeypatch.setattr(auth, "_CACHE_SIZE", N // 2)  # full after half of the requests; the growth of the rest counts
    app, change = guarded.client.app, REQUESTS[kind]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if "status" in message:
            statuses.add(message["status"])

    async def ask(numbers: range) -> None:
        for n in numbers:
            scope = SCOPE | {"headers": []} | change(n)
            scope["raw_path"] = scope["path"].encode()
            if not any(name == b"host" for name, _ in scope["headers"]):
                scope["headers"] = [*scope["headers"], (b"host", b"127.0.0.1")]
            await app(scope, receive, send)

    statuses: set[int] = set()
    portal = guarded.client.portal
    logging.disable()  # pytest keeps every record
    tracemalloc.start()
    try:
        portal.call(ask, range(N // 2))
        series, kept = guarded.client.get("/metrics", headers=guarded.headers("read")).text.count("\n"), memory()
        portal.call(ask, range(N // 2, N))
        grown = memory() - kept
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
    assert guarded.client.get("/metrics", headers=guarded.headers("read")).text.count("\n") <= series + 20
    assert grown < 200 * N // 2
    assert all(400 <= status < 500 for status in statuses)


SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/v1/predictions",
    "query_string": b"",
    "root_path": "",
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
    "extensions": {"websocket.http.response": {}},
    "subprotocols": [],
}
