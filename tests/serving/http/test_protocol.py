"""Slow, incomplete and malformed clients, against a real server on a real socket."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from websockets.sync.client import connect

QUICK = (
    "--set",
    "header_s=0.5",
    "--set",
    "keep_alive_s=1",
    "--set",
    "min_body_bytes_s=100000",
    "--set",
    "max_connections=20",
)


@pytest.fixture
def server(run_server: Callable[..., Any]) -> Any:
    return run_server(*QUICK)


def open_socket(server: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def reply(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    response = b""
    while piece := connection.recv(65_536):
        response += piece
    return response


def test_slow_and_malformed_clients(server: Any) -> None:
    # One server for all: it takes longer to start than to ask.
    for scenario in (
        stream_that_outlasts_a_head,
        head_that_never_ends,
        head_that_drips,
        body_that_drips,
        garbage,
        too_long_a_head,
        too_many_connections,
    ):
        scenario(server)
        with open_socket(server) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert reply(connection).startswith(b"HTTP/1.1 200"), scenario.__name__


def stream_that_outlasts_a_head(server: Any) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/v1/streams?rate_hz=8000", compression=None) as stream:
        for _ in range(20):
            stream.send((np.arange(800) % 50 * 100).astype("<i2").tobytes())
            time.sleep(0.05)
        stream.send("end")
        response = [json.loads(message)["level"] for message in stream]
    assert response == ["window"] * (len(response) - 1) + ["recording"]


def head_that_never_ends(server: Any) -> None:
    with open_socket(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        response = reply(connection)
    assert response.startswith(b"HTTP/1.1 408")
    assert json.loads(response.partition(b"\r\n\r\n")[2])["error"]["kind"] == "timeout"


def head_that_drips(server: Any) -> None:
    with open_socket(server) as connection:
        for byte in b"GET / HTTP/1.1\r\nX: " + b"y" * 1000:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return
            time.sleep(0.01)
    raise AssertionError("a head may drip for ever")


def body_that_drips(server: Any) -> None:
    with open_socket(server) as connection:
        connection.sendall(b"POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
        connection.settimeout(0.05)
        response = b""
        for _ in range(400):
            try:
                connection.sendall(b"x" * 10)
                response = connection.recv(65_536)
            except TimeoutError:
                continue
            except OSError:
                break
            break
    assert response.startswith(b"HTTP/1.1 408"), response


def garbage(server: Any) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\n"
    for content in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        head + b"Content-Length: -1\r\n\r\n",
        head + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        with open_socket(server) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            response = reply(connection)
        assert response == b"" or response.startswith(b"HTTP/1.1 4"), response


def too_long_a_head(server: Any) -> None:
    with open_socket(server) as connection:
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 1_000_000)
            response = reply(connection)
        except OSError:
            return
    assert response.startswith(b"HTTP/1.1 400")


def too_many_connections(server: Any) -> None:
    held = [open_socket(server) for _ in range(20)]
    time.sleep(0.1)
    with open_socket(server) as connection:
        response = reply(connection)
    for connection in held:
        connection.close()
    time.sleep(0.2)
    assert response.startswith(b"HTTP/1.1 503"), response
    assert b"retry-after" in response


@pytest.fixture(autouse=True)
def _socket_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(30)
    yield
    socket.setdefaulttimeout(before)
