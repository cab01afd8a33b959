"""Webhook: signatures, retries, refusals, and invalid settings."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from auricle.errors import UsageError
from auricle.lifecycle.webhook import MAX_ATTEMPTS, SIGNATURE, Webhook, signature

SECRET = "between us"  # noqa: S105


class Receiver(HTTPServer):
    """Responds with the given statuses in order, then 204; records requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.requests: list[tuple[dict[str, str], bytes, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/events?by=auricle"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((dict(self.headers), body, self.path))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_events_are_signed(receiver: Receiver) -> None:
    assert Webhook(receiver.url, SECRET).send("check", {"verdict": "alarm", "sentence": "Lärm"}) is None
    ((headers, body, path),) = receiver.requests
    event = json.loads(body)
    assert (event["event"], event["verdict"], event["sentence"]) == ("check", "alarm", "Lärm")
    assert (path, headers["Auricle-Event"]) == ("/events?by=auricle", "check")
    sent, mac = (part.partition("=")[2] for part in headers[SIGNATURE].split(","))
    expected = hmac.new(SECRET.encode(), f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    assert mac == expected
    assert headers[SIGNATURE] == signature(SECRET, int(sent), body)
    assert signature("another", int(sent), body) != headers[SIGNATURE]


def test_temporary_failures_are_retried(receiver: Receiver) -> None:
    receiver.statuses = [503, 429]
    pauses: list[float] = []
    assert Webhook(receiver.url, SECRET, wait=lambda s: bool(pauses.append(s))).send("check", {}) is None
    assert pauses == [1.0, 2.0]
    bodies = {body for _, body, _ in receiver.requests}
    assert len(receiver.requests) == 3
    assert len(bodies) == 1  # the same id, so that a receiver can deduplicate


@pytest.mark.parametrize("status", [301, 400, 403, 404])
def test_refusals_are_final_and_redirects_not_followed(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    problem = Webhook(receiver.url, SECRET, wait=lambda _: False).send("check", {})
    assert problem is not None
    assert f"The check event could not be sent to {receiver.url.partition('/events')[0]}: status {status}." in problem
    assert "/events" not in problem
    assert len(receiver.requests) == 1


def test_unreachable_receiver_is_given_up() -> None:
    pauses: list[float] = []
    problem = Webhook("http://127.0.0.1:9/", SECRET, wait=lambda s: bool(pauses.append(s))).send("retraining", {})
    assert problem is not None
    assert "The retraining event could not be sent to http://127.0.0.1:9" in problem
    assert pauses == [1.0, 2.0, 4.0, 8.0][: MAX_ATTEMPTS - 1]


def test_stopped_watch_does_not_wait(receiver: Receiver) -> None:
    receiver.statuses = [500] * 9
    assert Webhook(receiver.url, SECRET, wait=lambda _: True).send("check", {}) is not None
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "url", ["ftp://host/", "file:///etc/passwd", "host:80", "", "http://", "http://u:p@host/", "http://host:99999999/"]
)
def test_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="A webhook must be a URL of http or https, without a user"):
        Webhook(url, SECRET)


def test_missing_secret_is_refused() -> None:
    with pytest.raises(
        UsageError, match="A webhook needs a secret shared with its receiver: set AURICLE_WEBHOOK_SECRET"
    ):
        Webhook("https://host/", "")
