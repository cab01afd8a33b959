"""Refusal of sounds under overload, over real sockets: at the request head, with the connection usable after."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self

import pytest
import uvicorn

from auricle.serving.app import create_app
from auricle.serving.http import protocol as protocols
from auricle.serving.http.protocol import protocol

HEAD = b"POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class RunningServer:
    """The service of a test behind a socket; ``set_in_flight`` fills every place."""

    def __init__(self, service: Any, port: int) -> None:
        self.service, self.port = service, port

    def set_in_flight(self, n_in_flight: int = 1000) -> None:
        self.service.admission.n_in_flight = n_in_flight

    def connect(self) -> "Connection":
        return Connection(self.port)


class Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, content: bytes) -> "Connection":
        self.socket.sendall(content)
        return self

    def reply(self) -> tuple[int, dict[str, str], Any]:
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, json.loads(self._file.read(int(headers["content-length"])))

    def rest(self) -> bytes:
        """Read until the server closes."""
        return self._file.read()


@pytest.fixture
def server_running(serve_with: Callable[..., Any]) -> Iterator[RunningServer]:
    service = serve_with(header_s=0.5, threads=2, max_waiting=4).service
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(service), http=protocol(service), lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield RunningServer(service, listener.getsockname()[1])
    service.admission.n_in_flight = 0
    server.should_exit = True
    thread.join()
    listener.close()


def post(content: bytes, *headers: bytes) -> bytes:
    lines = [b"Content-Length: %d" % len(content), *headers]
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + content


def refused(reply: tuple[int, dict[str, str], Any]) -> bool:
    status, headers, body = reply
    return (status, body["error"]["kind"]) == (503, "overloaded") and int(headers["retry-after"]) >= 1


def test_a_refusal_leaves_the_connection_usable(
    server_running: RunningServer, sound_file: Callable[..., bytes]
) -> None:
    content = sound_file()
    with server_running.connect() as connection:
        server_running.set_in_flight()
        status, headers, body = connection.send(post(content)).reply()
        assert refused((status, headers, body))
        assert headers["x-content-type-options"] == "nosniff"
        for piece in (post(content)[:40], post(content)[40:200]):  # head and body in chunks, refused at the head
            connection.send(piece)
            time.sleep(0.05)
        assert refused(connection.reply())
        connection.send(post(content)[200:])
        assert connection.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").reply()[0] == 200
        chunked = b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(content) + content + b"\r\n0\r\n\r\n"
        assert refused(connection.send(HEAD + chunked).reply())
        connection.send(2 * post(content))  # the second before the first is answered
        assert all(refused(connection.reply()) for _ in range(2))
        server_running.set_in_flight(0)
        assert connection.send(post(content)).reply()[0] == 201
    counted = server_running.service.metrics.render().decode()
    assert 'auricle_requests_total{method="POST",route="/v1/predictions",status="503"} 5.0' in counted


@pytest.mark.parametrize(
    "request_of",
    [
        lambda content: post(content, b"Connection: close"),
        lambda content: post(content).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
def test_a_refusal_closes_a_connection_on_request(
    server_running: RunningServer, request_of: Callable[[bytes], bytes]
) -> None:
    server_running.set_in_flight()
    with server_running.connect() as connection:
        assert refused(connection.send(request_of(b"x" * 100)).reply())
        assert connection.rest() == b""


def test_a_malformed_request_is_a_400_under_overload(server_running: RunningServer) -> None:
    server_running.set_in_flight()
    with server_running.connect() as connection:
        assert connection.send(HEAD + b"Content-Length: -1\r\n\r\n").reply()[0] == 400
        assert connection.rest() == b""


def test_discarded_bodies_and_idle_connections_time_out(
    server_running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "_TICK_S", 0.05)
    monkeypatch.setattr(protocols, "_BODY_GRACE_S", 0.1)
    server_running.set_in_flight()
    with server_running.connect() as stalled, server_running.connect() as idle:
        assert refused(stalled.send(post(bytes(100_000))[:1_000]).reply())
        assert refused(idle.send(post(bytes(100_000))[:90_000]).reply())
        idle.send(post(bytes(100_000))[90_000:])
        assert stalled.rest() == b""  # closed, and not answered twice
        assert idle.rest() == b""


def test_slow_senders_do_not_block_others(server_running: RunningServer, sound_file: Callable[..., bytes]) -> None:
    settings, content = server_running.service.settings, sound_file()
    with ExitStack() as stack:
        slow = [stack.enter_context(server_running.connect()) for _ in range(settings.threads + settings.max_waiting)]
        for sender in slow:
            sender.send(post(content)[:300])
        deadline, status = time.monotonic() + 5, 0
        with server_running.connect() as quick:
            while status != 201 and time.monotonic() < deadline:
                status = quick.send(post(content)).reply()[0]
        assert status == 201
        assert slow[0].send(post(content)[300:]).reply()[0] == 201
