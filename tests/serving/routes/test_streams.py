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


def hear(socket: Any) -> list[dict[str, Any]]:
    """Take what comes until the stream is closed."""
    told = []
    while True:
        try:
            told.append(json.loads(socket.receive_text()))
        except WebSocketDisconnect:
            return told


def refusal(client: Any, url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect(url, headers=headers or {}):
        pass
    return denied.value.status_code, denied.value.json()["error"]["kind"]


@pytest.mark.parametrize("size", [1, 7, 800, 100_000])
def test_windows_are_those_of_the_file(served, states: Predictor, samples: np.ndarray, size: int) -> None:
    content = (samples * 32_768).astype("<i2").tobytes()
    if size == 1:
        content = content[: 2 * 1700]
    expected = list(states.stream([np.frombuffer(content, "<i2").astype(np.float32) / 32_768], rate_hz=8000))
    with served.client.websocket_connect(URL) as socket:
        for start in range(0, len(content), size):
            socket.send_bytes(content[start : start + size])
        socket.send_text("end")
        told = hear(socket)
    assert told[:-1] == [json.loads(json.dumps(one.as_json())) for one in expected]
    assert told[-1]["level"] == "recording"
    kept = served.client.get(f"/v1/predictions/{told[-1]['id']}").json()
    assert (kept["source"], kept["rate_hz"]) == ("stream", 8000)
    heard = read(served.client.get(f"/v1/predictions/{told[-1]['id']}/audio").content).samples
    np.testing.assert_array_equal(heard, np.frombuffer(content, "<i2").astype(np.float32) / 32_768)


def test_an_entry_is_cut_again_and_again(serve_with: Callable[..., Any], samples: np.ndarray) -> None:
    served = serve_with(stream_cut_s=0.5)
    with served.client.websocket_connect(f"{URL}&sample_format=f32&windows=false") as socket:
        for block in np.array_split(samples, 13):
            socket.send_bytes(block.astype("<f4").tobytes())
        socket.send_text("end")
        told = hear(socket)
    assert [one["level"] for one in told] == ["recording"] * 3
    assert [round(one["end_s"], 1) for one in told][-1] == 1.3
    assert len({one["id"] for one in told}) == 3
    assert len(served.store.entries().entries) == 3


def test_a_stretch_longer_than_is_kept_keeps_no_sound(serve_with: Callable[..., Any], samples: np.ndarray) -> None:
    served = serve_with(keep_review_s=0.7, stream_cut_s=1.0)
    with served.client.websocket_connect(f"{URL}&sample_format=f32&windows=false") as socket:
        for block in np.split(samples, [4000, 8000]):  # one stretch of 1 s, and one of 0.3 s
            socket.send_bytes(block.astype("<f4").tobytes())
        socket.send_text("end")
        told = hear(socket)
    sounds = [served.client.get(f"/v1/predictions/{one['id']}/audio") for one in told]
    assert [sound.status_code for sound in sounds] == [404, 200]
    np.testing.assert_array_equal(read(sounds[1].content).samples, samples[8000:])


def test_what_was_heard_is_kept_when_the_client_leaves(serve_with: Callable[..., Any], samples: np.ndarray) -> None:
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


def test_silence_is_heard_and_not_kept(serve_with: Callable[..., Any]) -> None:
    served = serve_with()
    with served.client.websocket_connect(URL) as socket:
        socket.send_bytes(bytes(16_000))
        socket.send_text("end")
        assert {one["level"] for one in hear(socket)} == {"window"}
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
def test_what_cannot_be_is_refused_before_it_begins(served, query: str, kind: str) -> None:
    assert refusal(served.client, f"{BASE}/v1/streams{query}") == (422, kind)


def test_pages_of_other_origins_are_refused(served) -> None:
    assert refusal(served.client, URL, {"Origin": "https://evil.example"}) == (403, "forbidden")
    assert refusal(served.client, URL, {"Origin": "null"}) == (403, "forbidden")
    with served.client.websocket_connect(URL, headers={"Origin": "http://127.0.0.1"}):
        pass


def test_other_hosts_are_refused(served) -> None:
    assert refusal(served.client, URL, {"Host": "evil.example"}) == (421, "host")


def test_so_many_and_no_more(guarded) -> None:
    headers = guarded.headers("predict")
    with guarded.client.websocket_connect(URL, headers=headers), guarded.client.websocket_connect(URL, headers=headers):
        assert refusal(guarded.client, URL, headers) == (429, "rate")
    with guarded.client.websocket_connect(URL, headers=headers):
        pass


@pytest.mark.parametrize("message", ["garbage", "\x00", "END", "{}"])
def test_texts_that_mean_nothing_end_a_stream(served, message: str) -> None:
    with served.client.websocket_connect(URL) as socket:
        socket.send_text(message)
        (told,) = hear(socket)
    assert told["error"]["kind"] == "usage"


def test_samples_that_are_no_numbers_end_a_stream(served) -> None:
    with served.client.websocket_connect(f"{URL}&sample_format=f32") as socket:
        socket.send_bytes(np.array([0.1, np.nan], "<f4").tobytes())
        (told,) = hear(socket)
    assert told["error"]["kind"] == "audio"


def test_a_stream_without_sound_is_closed(serve_with: Callable[..., Any]) -> None:
    served = serve_with(stream_idle_s=0.1)
    with served.client.websocket_connect(URL) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()
    assert (closed.value.code, closed.value.reason) == (1008, "no sound came for 0.1 s")


def test_a_stream_lasts_no_longer_than_one_may(serve_with: Callable[..., Any]) -> None:
    served = serve_with(stream_total_s=0.2)
    with served.client.websocket_connect(URL) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()
    assert closed.value.code == 1008


def test_events_are_told_as_they_come(served, states: Predictor, machine_sounds: Path) -> None:
    samples = read(machine_sounds.parent / "clips" / "0001.wav").samples
    found = Events(states, EventRules(), announce=True)
    expected = [*found.push(states.stream([samples], rate_hz=8000, hop_s=0.1)), *found.flush()]
    assert {one.ongoing for one in expected} == {True, False}
    with served.client.websocket_connect(f"{URL}&events=true&windows=false&sample_format=f32&hop_s=0.1") as socket:
        socket.send_bytes(samples.astype("<f4").tobytes())
        socket.send_text("end")
        told = hear(socket)
    assert told[:-1] == [json.loads(json.dumps(one.as_json())) for one in expected]
    assert told[-1]["level"] == "recording"
