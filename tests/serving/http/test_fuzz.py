"""Any bytes on a socket get an answer below 500 in the documented shape, or a closed connection; never a traceback.

Seeded. ``AURICLE_FUZZ`` sets the number of requests: a few thousand in the suite, 200,000 by ``make hardening``.
"""

import json
import os
import random
import re
import socket
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

N_REQUESTS = int(os.environ.get("AURICLE_FUZZ", "5000"))
N_CONNECTIONS = 32
SILENCE_S = 0.3
"""A request that is incomplete gets no response before its timeout, which is longer."""

METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PRI", b"get")
TARGETS = {
    b"/": b"GET",
    b"/healthz": b"GET",
    b"/readyz": b"GET",
    b"/metrics": b"GET",
    b"/v1/openapi.json": b"GET",
    b"/v1/predictions": b"POST",
    b"/v1/predictions?windows=true&hop_s=0.1": b"POST",
    b"/v1/predictions?events=true": b"POST",
    b"/v1/predictions?limit=1&cursor=x": b"GET",
    b"/v1/predictions/0193a2b4": b"GET",
    b"/v1/predictions/0193a2b4-aaaa-7000-8000-000000000000": b"DELETE",
    b"/v1/predictions/0193a2b4/audio": b"GET",
    b"/v1/predictions/0193a2b4/feedback": b"PUT",
    b"/v1/review?limit=3": b"GET",
    b"/v1/monitor": b"GET",
    b"/v1/models": b"GET",
    b"/v1/models/states/promote": b"POST",
    b"/v1/models/states/rollback": b"POST",
    b"/v1/streams?rate_hz=8000": b"GET",
}
NAMES = (
    b"Host",
    b"Origin",
    b"Content-Type",
    b"Content-Length",
    b"Content-Encoding",
    b"Transfer-Encoding",
    b"Authorization",
    b"Idempotency-Key",
    b"If-Match",
    b"Cookie",
    b"Range",
    b"Accept",
    b"Expect",
    b"Connection",
    b"Upgrade",
    b"Sec-WebSocket-Key",
    b"Sec-WebSocket-Version",
    b"Sec-WebSocket-Extensions",
    b"Sec-WebSocket-Protocol",
    b"X-Forwarded-For",
    b"X-Forwarded-Proto",
    b"X-Forwarded-Host",
    b"Forwarded",
    b"X-Real-IP",
    b"Access-Control-Request-Method",
)
FORM = b"multipart/form-data; "
VALUES = (
    b"",
    b"http://[::1",
    b"http://[",
    b"[::1",
    b"[v1.x]:80",
    b"a@[",
    b"127.0.0.1:99999999999999",
    b"//:@?#",
    b"null",
    b"\xff\xfe\x80",
    b"'" * 300,
    b"9" * 5000,
    b"-1",
    b"1e309",
    b"bytes=0-,-1",
    b"chunked, chunked",
    b"gzip",
    b"100-continue",
    b"websocket",
    b"Upgrade",
    b"Bearer ",
    b"Bearer aud_aaaaaaaa_" + b"x" * 43,
    b"Basic Og==",
    b'W/"x", *',
    b"permessage-deflate; client_max_window_bits=99",
    b"dGhlIHNhbXBsZSBub25jZQ==",
    b"13",
    b"application/json",
    b"application/json; charset=" + b"x" * 300,
    b"application/json; charset*=undefined'x'y",
    b"application/json; charset*=idna''%ff",
    FORM + b"boundary=" + b"1" * 5000,
    FORM + b"boundary*" + b"1" * 5000 + b"=x",
    FORM + b"boundary*0=a; boundary*1=b; boundary*99999999999999999999=c",
    FORM + b"boundary*=idna'en'%ff%fe",
    FORM + b"boundary*=undefined''x",
    FORM + b"boundary*=utf-16''%00",
    FORM + b"boundary*=" + b"x" * 300 + b"''y",
    FORM + b'boundary="\\"\\\\"',
    FORM + b"boundary=edge",
    FORM + b'boundary="edge',
    FORM + b"boundary=\xff\xfe",
    FORM + b";;;=;boundary",
    b"multipart/mixed; boundary=edge",
)
PART_HEADERS = (
    b'form-data; name="file"; filename="a.wav"',
    b"form-data; name=\"file\"; filename*=idna''%ff",
    b"form-data; name*=undefined''file",
    b"form-data; name*" + b"1" * 5000 + b"=file",
    b'form-data; name="metadata"',
    b"form-data; name=\xff\xfe; filename=\x00",
    b"attachment",
    b"",
)
BODIES = (
    b"",
    b"{}",
    b'{"label": "\\ud800"}',
    b'{"label": "\\u0000"}',
    b'{"label": "a", "target": 1}',
    b'{"target": 1e999}',
    b'{"target": ' + b"9" * 5000 + b"}",
    b'{"version": "\\u0000", "why": "\\udfff"}',
    b"[" * 5000,
    b'{"a":' * 2000,
    b"\xff\xfe\x00",
    b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\x10\x00\x00\x00\x01\x00\x00\x00" * 4,
    b"OggS" + b"\x00" * 60,
    b"fLaC" + b"\xff" * 60,
)


def form_body(rng: random.Random) -> bytes:
    parts = b"".join(
        b"--edge\r\nContent-Disposition: " + rng.choice(PART_HEADERS) + b"\r\n\r\n" + rng.choice(BODIES) + b"\r\n"
        for _ in range(rng.randrange(4))
    )
    return parts + rng.choice((b"--edge--\r\n", b"--edge", b"--edge--", b""))


def frame(rng: random.Random) -> bytes:
    """A WebSocket frame, or what looks like one."""
    head = bytes([rng.choice((0x81, 0x82, 0x88, 0x89, 0x01, 0x00, 0xF2, 0x83, rng.randrange(256)))])
    payload = rng.randbytes(rng.choice((0, 1, 3, 125)))
    length = rng.choice((0x80 | len(payload), len(payload), 0xFE, 0xFF))
    return head + bytes([length]) + rng.randbytes(4) + payload


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Flip, insert, delete or repeat some bytes."""
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(4)
        if kind == 0 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif kind == 1:
            changed[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 2:
            del changed[at : at + rng.randrange(1, 9)]
        else:
            changed[at:at] = changed[at : at + 20] * rng.randrange(1, 4)
    return bytes(changed)


def text(rng: random.Random) -> bytes:
    return "".join(rng.choices(string.printable[:95] + "\u00e9\u0000", k=rng.randrange(1, 30))).encode("latin-1")


def target(found: bytes, rng: random.Random) -> bytes:
    """The target, or something beside it."""
    kind = rng.randrange(8)
    if kind == 0:
        found += rng.choice((b"?", b"&")) + rng.choice(
            (
                b"hop_s=nan",
                b"hop_s=1e-320",
                b"limit=" + b"9" * 5000,
                b"cursor=%00%ff",
                b"since=9999-12-31T23:59:59%2B00:00",
                b"since=0001-01-01T00:00:00-23:59",
                b"model=%00",
                b"label=%ed%a0%80",
                b"metadata={%22a%22:1e400}",
                b"metadata=" + b"[" * 3000,
                b"rate_hz=0&sample_format=%00",
                b"unknown=\xff",
                b"key=" + b"a" * 300,
            )
        )
    elif kind == 1:
        found = mutated(found, rng)
    elif kind == 2:
        found = rng.choice((b"*", b"http://[::1/v1", b"//x", b"/%00", b"/%ff%fe", b"/../..", b"/v1/models/%00/promote"))
    return found


def request(rng: random.Random) -> bytes:
    """One request, mostly well-formed, with something wrong."""
    body = rng.choice((rng.choice(BODIES), form_body(rng), rng.randbytes(rng.randrange(200))))
    headers = {b"Host": b"127.0.0.1", b"Content-Length": str(len(body)).encode()}
    is_stream = rng.random() < 0.1
    if is_stream:
        headers |= {
            b"Connection": b"Upgrade",
            b"Upgrade": b"websocket",
            b"Sec-WebSocket-Version": b"13",
            b"Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
        }
        del headers[b"Content-Length"]
        body = b"".join(frame(rng) for _ in range(rng.randrange(4)))
    for _ in range(rng.randrange(4)):
        headers[rng.choice(NAMES)] = rng.choice((rng.choice(VALUES), text(rng), mutated(rng.choice(VALUES), rng)))
    if rng.random() < 0.5:
        headers[b"Content-Type"] = rng.choice([value for value in VALUES if b"/" in value])
    where = b"/v1/streams?rate_hz=8000" if is_stream else rng.choice([*TARGETS])
    method = TARGETS[where] if rng.random() < 0.9 else rng.choice(METHODS)
    lines = [method + b" " + target(where, rng) + b" HTTP/1.1", *(name + b": " + headers[name] for name in headers)]
    content = b"\r\n".join([*lines, b"", body])
    return mutated(content, rng) if rng.random() < 0.2 else content


def reply(port: int, content: bytes, silence_s: float = SILENCE_S) -> bytes:
    """Send bytes, and read the first response, or until nothing comes."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=silence_s) as connection:
        try:
            connection.sendall(content)
            while not is_complete(received) and (piece := connection.recv(65_536)):
                received += piece
        except (ConnectionResetError, BrokenPipeError, TimeoutError):
            pass
    return received


def is_complete(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(end) and length is not None and len(body) >= int(length[1])


def fault(received: bytes) -> str | None:
    """What is wrong with the first response, if anything is."""
    if not received:
        return None  # closed
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status >= 500:
        return f"status {status}"
    if status >= 400 and b"application/json" not in head:
        return f"status {status} without JSON"
    if status >= 400 and body and not body.startswith(b"HTTP/1.1 "):  # to HEAD there is a length without a body
        try:
            found, _ = json.JSONDecoder().raw_decode(body.decode())
        except ValueError:
            return f"status {status} with {body[:80]!r}"
        if set(found) != {"error"} or set(found["error"]) != {"kind", "message"}:
            return f"status {status} with {found}"
    return None


@pytest.mark.slow
def test_any_bytes_are_answered_below_500(
    run_server: Callable[..., Any], sound_file: Callable[..., bytes], tmp_path: Path
) -> None:
    server = run_server(*(f"--set={name}" for name in ("keep_alive_s=1", "header_s=2", "max_wait_s=60", "decode_s=5")))

    def ask(seed: int) -> tuple[int, str] | None:
        found = fault(reply(server.port, request(random.Random(seed))))  # noqa: S311
        return None if found is None else (seed, found)

    with ThreadPoolExecutor(N_CONNECTIONS) as threads:
        faults = [found for found in threads.map(ask, range(N_REQUESTS)) if found is not None]
    log = (tmp_path / "log").read_text()
    assert [(request(random.Random(seed))[:200], found) for seed, found in faults[:5]] == []  # noqa: S311
    assert [line for line in log.splitlines() if "Traceback" in line or '"level": "error"' in line][:3] == []
    sound = sound_file()
    head = f"POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(sound)}\r\n\r\n"
    assert reply(server.port, head.encode() + sound, 20).startswith(b"HTTP/1.1 201")
