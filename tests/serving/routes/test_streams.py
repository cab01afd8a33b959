import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from auricle.audio.decode import read
from auricle.prediction.events import EventRules, Events
from auricle.prediction.predictor import Predictor

BASE = "ws://127.0.0.1"
URL = f"{BASE}/v1/streams?rate_hz=8000"


@pytest.fixture
def samples(sound_file: Callable[..., bytes]) -> np.ndarray:
    return read(sound_file(1.3)).samples


def receive_all(socket: Any) -> list[dict[str, Any]]:
    """Take what comes until the stream is closed."""
    messages = []
    while True:
        try:
            messages.append(json.loads(socket.receive_text()))
        except WebSocketDisconnect:
            return messages


def refusal(client: Any, url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect(url, headers=headers or {}):
        pass
    return denied.value.status_code, denied.value.json()["error"]["kind"]


def test_stream_windows_equal_file_windows(served, states: Predictor, samples: np.ndarray) -> None:
    content = (samples * 32_768).astype("<i2").tobytes()
    expected = list(states.stream([np.frombuffer(content, "<i2").astype(np.float32) / 32_768], rate_hz=8000))
    with served.client.websocket_connect(URL) as socket:
        for start in range(0, len(content), 801):
            socket.send_bytes(content[start : start + 801])
        socket.send_text("end")
        messages = receive_all(socket)
    assert messages[:-1] == [json.loads(json.dumps(message.as_json())) for message in expected]
    assert messages[-1]["level"] == "recording"
    kept = served.client.get(f"/v1/predictions/{messages[-1]['id']}").json()
    assert (kept["source"], kept["rate_hz"]) == ("stream", 8000)
    stored_samples = read(served.client.get(f"/v1/predictions/{messages[-1]['id']}/audio").content).samples
    np.testing.assert_array_equal(stored_samples, np.frombuffer(content, "<i2").astype(np.float32) / 32_768)


def test_a_stream_is_logged_in_consecutive_entries(serve_with: Callable[..., Any], samples: np.ndarray) -> None:
    served = serve_with(stream_cut_s=0.5)
    with served.client.websocket_connect(f"{URL}&sample_format=f32&windows=false") as socket:
        for block in np.array_split(samples, 13):
            socket.send_bytes(block.astype("<f4").tobytes())
        socket.send_text("end")
        messages = receive_all(socket)
    assert [message["level"] for message in messages] == ["recording"] * 3
    assert [round(message["end_s"], 1) for message in messages][-1] == 1.3
    assert len({message["id"] for message in messages}) == 3
    assert len(served.store.entries().entries) == 3


def test_a_disconnect_saves_the_entry(serve_with: Callable[..., Any], samples: np.ndarray) -> None:
    served = serve_with()
    with served.client.websocket_connect(f"{URL}&sample_format=f32&windows=true") as socket:
        socket.send_bytes(samples.astype("<f4").tobytes())
        socket.receive_text()
        socket.close()
        deadline = time.monotonic() + 10
        while not (entries := served.store.entries().entries) and time.monotonic() < deadline:
            time.sleep(0.01)
    (kept,) = entries
    assert kept.recording.end_s == pytest.approx(1.3)


def test_silence_is_predicted_but_not_logged(serve_with: Callable[..., Any]) -> None:
    served = serve_with()
    with served.client.websocket_connect(URL) as socket:
        socket.send_bytes(bytes(16_000))
        socket.send_text("end")
        assert {message["level"] for message in receive_all(socket)} == {"window"}
    assert served.store.entries().entries == ()


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "usage"),
        ("?rate_hz=x", "usage"),
        ("?rate_hz=8000&more=1", "usage"),
        ("?rate_hz=10", "usage"),
        ("?rate_hz=8000&sample_format=u8", "usage"),
        ("?rate_hz=8000&hop_s=99", "usage"),
        ("?rate_hz=8000&metadata=[]", "usage"),
    ],
)
def test_invalid_queries_are_422(served, query: str, kind: str) -> None:
    assert refusal(served.client, f"{BASE}/v1/streams{query}") == (422, kind)


def test_other_origins_are_refused(served) -> None:
    assert refusal(served.client, URL, {"Origin": "https://evil.example"}) == (403, "forbidden")
    assert refusal(served.client, URL, {"Origin": "null"}) == (403, "forbidden")
    with served.client.websocket_connect(URL, headers={"Origin": "http://127.0.0.1"}):
        pass


def test_other_hosts_are_refused(served) -> None:
    assert refusal(served.client, URL, {"Host": "evil.example"}) == (421, "host")


def test_streams_per_key_are_limited(guarded) -> None:
    headers = guarded.headers("predict")
    with guarded.client.websocket_connect(URL, headers=headers), guarded.client.websocket_connect(URL, headers=headers):
        assert refusal(guarded.client, URL, headers) == (429, "rate")
    with guarded.client.websocket_connect(URL, headers=headers):
        pass


@pytest.mark.parametrize("message", ["garbage", "\x00", "END", "{}"])
def test_unknown_text_messages_end_a_stream(served, message: str) -> None:
    with served.client.websocket_connect(URL) as socket:
        socket.send_text(message)
        (messages,) = receive_all(socket)
    assert messages["error"]["kind"] == "usage"


def test_samples_that_are_not_finite_end_a_stream(served) -> None:
    with served.client.websocket_connect(f"{URL}&sample_format=f32") as socket:
        socket.send_bytes(np.array([0.1, np.nan], "<f4").tobytes())
        (messages,) = receive_all(socket)
    assert messages["error"]["kind"] == "audio"


def test_an_idle_stream_is_closed(serve_with: Callable[..., Any]) -> None:
    served = serve_with(stream_idle_s=0.1)
    with served.client.websocket_connect(URL) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()
    assert (closed.value.code, closed.value.reason) == (1008, "no sound came for 0.1 s")


def test_a_stream_has_a_maximum_duration(serve_with: Callable[..., Any]) -> None:
    served = serve_with(stream_total_s=0.2)
    with served.client.websocket_connect(URL) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()
    assert closed.value.code == 1008


def test_stream_events_equal_local_events(served, states: Predictor, machine_sounds: Path) -> None:
    samples = read(machine_sounds.parent / "clips" / "0001.wav").samples
    found = Events(states, EventRules(), announce=True)
    expected = [*found.push(states.stream([samples], rate_hz=8000, hop_s=0.1)), *found.flush()]
    assert {message.ongoing for message in expected} == {True, False}
    with served.client.websocket_connect(f"{URL}&events=true&windows=false&sample_format=f32&hop_s=0.1") as socket:
        socket.send_bytes(samples.astype("<f4").tobytes())
        socket.send_text("end")
        messages = receive_all(socket)
    assert messages[:-1] == [json.loads(json.dumps(message.as_json())) for message in expected]
    assert messages[-1]["level"] == "recording"
