import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.errors import AudioError, UsageError
from auricle.prediction import consistency
from auricle.prediction.consistency import Route, compare
from auricle.prediction.predictor import Predictor

Serve = Callable[[Callable[[bytes], tuple[int, Any]]], str]


@pytest.fixture
def file(machine_sounds: Path) -> Path:
    return machine_sounds.parent / "clips" / "0001.wav"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Run a server that responds to a body with the result of a function; return its address."""
    servers: list[HTTPServer] = []

    def run(respond: Callable[[bytes], tuple[int, Any]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/predictions?windows=true"
                status, response = respond(self.rfile.read(int(self.headers["Content-Length"])))
                if self.headers.get("Authorization") == "Bearer wrong":
                    status, response = 401, {"error": {"kind": "auth", "message": "no such key"}}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(response if isinstance(response, bytes) else json.dumps(response).encode())

            def log_message(self, *_: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield run
    for server in servers:
        server.shutdown()
        server.server_close()


def right(model: Predictor, *, windows: bool) -> Callable[[bytes], tuple[int, Any]]:
    def respond(body: bytes) -> tuple[int, Any]:
        recording, parts = model.answers(body)
        rows = [prediction.as_json() for prediction in [recording, *(parts if windows else [])]]
        return 201, {"id": "1", "predictions": rows, "model": model.name}

    return respond


@pytest.mark.parametrize("fixture", ["states", "speeds"])
def test_every_route_agrees(fixture: str, file: Path, serve: Serve, request: pytest.FixtureRequest) -> None:
    model: Predictor = request.getfixturevalue(fixture)
    found = compare(model, file, server=serve(right(model, windows=True)))
    assert found.agrees
    compared = {route.name: (route.n_windows, route.features, route.labels, route.problem) for route in found.routes}
    equal = (3, 0.0, 0, None)
    assert compared == dict.fromkeys(("file", "stream", "folder", "worker"), equal) | {"server": (3, None, 0, None)}
    assert all(route.probabilities <= consistency.TOLERANCE for route in found.routes)
    assert found.as_json()["agrees"] is True
    assert json.loads(json.dumps(found.as_json())) == found.as_json()


@pytest.fixture
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the worker process, which takes long to start, by this process."""
    monkeypatch.setattr(consistency, "_in_worker", lambda model, file: iter([consistency._as_file(model, file)]))


def only_server(found: consistency.Consistency) -> Route:
    assert all(route.agrees for route in found.routes[:-1])
    assert not found.agrees
    return found.routes[-1]


@pytest.mark.usefixtures("_no_worker")
def test_a_server_may_return_the_recording_alone(states: Predictor, file: Path, serve: Serve) -> None:
    found = compare(states, file, server=serve(right(states, windows=False)))
    assert found.agrees
    assert found.routes[-1].n_windows == 0


@pytest.mark.usefixtures("_no_worker")
def test_a_server_with_other_predictions_differs(states: Predictor, file: Path, serve: Serve) -> None:
    def other(body: bytes) -> tuple[int, Any]:
        status, response = right(states, windows=False)(body)
        row = response["predictions"][0]
        least = min(row["probabilities"], key=row["probabilities"].get)
        row["probabilities"][least] += 0.25
        row["label"] = least
        return status, response

    route = only_server(compare(states, file, server=serve(other)))
    assert (route.labels, route.probabilities, route.problem) == (1, pytest.approx(0.25), None)


@pytest.mark.usefixtures("_no_worker")
@pytest.mark.parametrize(
    ("response", "says"),
    [
        (
            (201, {"model": "other@1", "predictions": []}),
            r"must serve states@\w+\. It serves other@1: serve the same model",
        ),
        ((201, {"model": None}), "It serves None"),
        ((201, {"predictions": []}), "must respond with a recording's prediction"),
        ((201, b"<html>"), "does not respond"),
        ((503, {"error": {"kind": "busy", "message": "later"}}), r'responded with status 503: \{"error"'),
    ],
)
def test_a_response_that_cannot_be_compared_is_a_problem(
    response: tuple[int, Any], says: str, states: Predictor, file: Path, serve: Serve
) -> None:
    route = only_server(compare(states, file, server=serve(lambda _: response)))
    assert re.search(says, route.problem or "")


@pytest.mark.usefixtures("_no_worker")
def test_a_response_with_too_few_windows_is_a_problem(states: Predictor, file: Path, serve: Serve) -> None:
    def fewer(body: bytes) -> tuple[int, Any]:
        status, response = right(states, windows=True)(body)
        return status, {**response, "predictions": response["predictions"][:-1]}

    assert only_server(compare(states, file, server=serve(fewer))).problem == "it has 2 windows, and the file 3"


@pytest.mark.usefixtures("_no_worker")
def test_a_missing_server_is_a_problem(states: Predictor, file: Path) -> None:
    route = only_server(compare(states, file, server="http://127.0.0.1:1"))
    assert (route.problem or "").startswith("http://127.0.0.1:1 does not respond:")
    with pytest.raises(UsageError, match="`server` must be an address such as http://"):
        compare(states, file, server="file:///etc/passwd")


@pytest.mark.usefixtures("_no_worker")
def test_the_key_is_sent_to_the_server(states: Predictor, file: Path, serve: Serve) -> None:
    address = serve(right(states, windows=False))
    assert compare(states, file, server=address, key="right").agrees
    assert "responded with status 401" in (
        only_server(compare(states, file, server=address, key="wrong")).problem or ""
    )


@pytest.mark.usefixtures("_no_worker")
def test_a_stream_with_other_predictions_differs(
    states: Predictor, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = consistency.read

    def louder(path: Path) -> Any:
        clip = real(path)
        return replace(clip, samples=clip.samples * np.float32(1.0001))

    monkeypatch.setattr(consistency, "read", louder)
    found = compare(states, file)
    assert [route.agrees for route in found.routes] == [True, False, True, True]
    assert found.routes[1].features


def test_an_unreadable_file_is_an_error(states: Predictor, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="there is no such file"):
        compare(states, tmp_path / "no.wav")
