import pytest
from starlette.testclient import WebSocketDenialResponse

from auricle.serving.http.middleware import Middleware, is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_is_loopback(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:80", "localhost.evil:80"])
def test_other_hosts_are_421(served, host: str) -> None:
    reply = served.client.get("/healthz", headers={"Host": host})
    assert (reply.status_code, reply.json()["error"]["kind"]) == (421, "host")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "[::1]:8000", "LOCALHOST"])
def test_loopback_hosts_are_accepted(served, host: str) -> None:
    assert served.client.get("/healthz", headers={"Host": host}).status_code == 200


def test_other_origins_are_403(served) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        reply = served.client.post("/v1/predictions", content=b"x", headers={"Origin": origin})
        assert (reply.status_code, reply.json()["error"]["kind"]) == (403, "forbidden")
        assert "access-control-allow-origin" not in reply.headers
    assert served.client.get("/healthz", headers={"Origin": "http://127.0.0.1"}).status_code == 200


def test_every_response_has_security_headers(served) -> None:
    for path in ("/", "/v1/models", "/nothing"):
        headers = served.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert len(headers["x-request-id"]) == 16


def test_errors_have_one_shape(served) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PATCH", "/v1/models", 405), ("GET", "/v1/models/", 404)):
        reply = served.client.request(method, path)
        assert (reply.status_code, set(reply.json()), set(reply.json()["error"])) == (
            status,
            {"error"},
            {"kind", "message"},
        )


@pytest.mark.parametrize("host", ["a@b", "[::1", "a b", "a/b", "a:x", "\u00e9", "x" * 300 + "@"])
def test_a_host_that_is_no_name_and_port_is_malformed(served, host: str) -> None:
    reply = served.client.get("/", headers={"Host": host.encode("latin-1")})
    assert (reply.status_code, reply.json()["error"]["kind"]) == (400, "request")


@pytest.mark.parametrize("origin", ["http://[::1", "http://[", "null", "", "//", "http://[v1.x]"])
def test_an_origin_that_is_none_is_foreign(served, origin: str) -> None:
    assert served.client.get("/v1/models", headers={"Origin": origin}).status_code == 403


def test_methods_of_a_clients_own_share_one_label(served) -> None:
    for method in ("METHOD", "GET"):
        served.client.request(method, "/healthz" if method == "METHOD" else "/metrics")
    before = served.client.get("/metrics").text.count("\n")
    for n in range(20):
        served.client.request(f"METHOD{n}", "/healthz")
    assert served.client.get("/metrics").text.count("\n") <= before + 2


def test_streams_have_one_path(served) -> None:
    with pytest.raises(WebSocketDenialResponse) as denied, served.client.websocket_connect("ws://127.0.0.1/v1/models"):
        pass
    assert (denied.value.status_code, denied.value.json()["error"]["kind"]) == (404, "missing")


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "x-forwarded-anything",
        "Forwarded",
        "Via",
        "X-Real-IP",
        "CF-Connecting-IP",
    ],
)
def test_without_keys_what_a_proxy_sends_on_is_refused(served, guarded, header: str) -> None:
    for path in ("/", "/v1/models", "/healthz"):
        reply = served.client.get(path, headers={header: "203.0.113.7"})
        assert (reply.status_code, reply.json()["error"]["kind"]) == (403, "forbidden")
        assert "auricle keys create" in reply.json()["error"]["message"]
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        served.client.websocket_connect("ws://127.0.0.1/v1/streams?rate_hz=8000", headers={header: "203.0.113.7"}),
    ):
        pass
    assert denied.value.status_code == 403
    assert guarded.client.get("/v1/models", headers={header: "x"} | guarded.headers("read")).status_code == 200


def test_a_named_proxy_may_forward(serve_with) -> None:
    served = serve_with(trusted_proxies=("127.0.0.1",))
    assert served.client.get("/v1/models", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 200


def test_an_old_protocol_is_a_proxys(served) -> None:
    for version, expected in (("1.0", True), ("1.1", False)):
        middleware = Middleware(lambda *_: None, served.service)
        refused = middleware._check_sender({"type": "http", "http_version": version}, {})
        assert (refused is not None) is expected
