import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa

from auricle.audio.decode import read
from auricle.prediction.predictor import Predictor

URL = "/v1/predictions"


@pytest.fixture(scope="session")
def clip(machine_sounds: Path) -> bytes:
    """A sound like those of training."""
    return next(iter(sorted(machine_sounds.parent.rglob("*.wav")))).read_bytes()


def test_the_response_equals_a_local_prediction(served, states: Predictor, clip: bytes) -> None:
    reply = served.client.post(URL, content=clip)
    assert reply.status_code == 201
    body = reply.json()
    assert body["predictions"] == [json.loads(json.dumps(states.predict(clip).as_json()))]
    assert reply.headers["location"] == f"{URL}/{body['id']}"


def test_windows_and_events_on_request(served, states: Predictor, clip: bytes) -> None:
    body = served.client.post(URL, params={"windows": True, "events": True, "hop_s": 0.1}, content=clip).json()
    recording, windows = states.answers(clip, hop_s=0.1)
    events = list(states.events(clip, hop_s=0.1))
    assert events
    for level, expected in (("recording", [recording]), ("window", windows), ("event", events)):
        found = [row for row in body["predictions"] if row["level"] == level]
        assert found == [json.loads(json.dumps(row.as_json())) for row in expected]
    assert len(body["predictions"]) == 1 + len(windows) + len(events)
    assert body["predictions"][0]["level"] == "recording"


def test_a_form_with_metadata(served, clip: bytes) -> None:
    metadata = {"site": "north", "group": "pump 7", "depth": 3, "wet": True, "note": None}
    files = {"file": ("söund.wav", clip), "metadata": (None, json.dumps(metadata))}
    identity = served.client.post(URL, files=files).json()["id"]
    kept = served.client.get(f"{URL}/{identity}").json()
    assert kept["metadata"] == metadata
    assert (kept["source"], kept["group"]) == ("söund.wav", "pump 7")
    assert (kept["rate_hz"], kept["channels"]) == (8000, 1)


def test_the_logged_entry_equals_the_response(served, clip: bytes) -> None:
    body = served.client.post(f"{URL}?windows=true", content=clip).json()
    kept = served.client.get(f"{URL}/{body['id']}").json()
    assert {name: kept[name] for name in body} == body


def test_the_sound_is_stored_losslessly(served, sound_file: Callable[..., bytes]) -> None:
    content = sound_file(0.5)
    identity = served.client.post(URL, content=content).json()["id"]
    reply = served.client.get(f"{URL}/{identity}/audio")
    assert reply.headers["content-type"] == "audio/flac"
    np.testing.assert_array_equal(read(reply.content).samples, read(content).samples)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", "audio", "the file is empty"),
        (b"prose and nothing but prose", "audio", "not sound that auricle reads"),
        (b"CRASH", "audio", "died twice"),
        (b"HANG", "audio", "within 1 s"),
        (b"EAT", "audio", "memory"),
        (b"LIE", "audio", "must be valid sound"),
        (b"NAN", "audio", "must be finite"),
    ],
)
def test_invalid_sounds_are_422(served, clip: bytes, content: bytes, kind: str, message: str) -> None:
    reply = served.client.post(URL, content=content)
    assert reply.status_code == 422
    assert reply.json()["error"]["kind"] == kind
    assert message in reply.json()["error"]["message"]
    assert served.client.post(URL, content=clip).status_code == 201


def test_decompression_bombs_are_refused(served, giant_flac: bytes, endless_vorbis: bytes) -> None:
    for content in (giant_flac, endless_vorbis):
        reply = served.client.post(URL, content=content)
        assert (reply.status_code, reply.json()["error"]["kind"]) == (422, "audio")


@pytest.mark.parametrize("subtype", ["RAW", "MAT4", "MAT5", "VOC", "W64", "SD2", "AU", "GSM610"])
def test_ambiguous_formats_are_refused(served, tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "sound.wav"
    form, coding = {"RAW": ("RAW", "PCM_16"), "GSM610": ("WAV", "GSM610")}.get(subtype, (subtype, "PCM_16"))
    soundfile.write(path, np.zeros(4000) + 0.1, 8000, format=form, subtype=coding)
    reply = served.client.post(URL, files={"file": ("sound.wav", path.read_bytes())})
    assert (reply.status_code, reply.json()["error"]["kind"]) == (422, "audio")


def test_silent_and_tiny_sounds_are_refused(served, sound_file: Callable[..., bytes]) -> None:
    silent = served.client.post(URL, content=sound_file(0.5, level=0.0))
    assert "every sample of its 0.500 s is zero" in silent.json()["error"]["message"].lower()
    short = served.client.post(URL, content=sound_file(0.001))
    assert (short.status_code, short.json()["error"]["kind"]) == (422, "feature")


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"hop_s": "x"}, "hop_s"),
        ({"hop_s": "99"}, "hop_s"),
        ({"hop_s": "nan"}, "hop_s"),
        ({"path": "/etc/passwd"}, "path"),
        ({"metadata": "[1]"}, "metadata"),
    ],
)
def test_invalid_settings_are_refused(served, clip: bytes, params: dict[str, str], named: str) -> None:
    reply = served.client.post(URL, params=params, content=clip)
    assert (reply.status_code, reply.json()["error"]["kind"]) == (422, "usage")
    assert named in reply.json()["error"]["message"]


def test_large_bodies_are_413(serve_with: Callable[..., object], clip: bytes) -> None:
    small = serve_with(max_body_bytes=1000)
    body = small.client.post(URL, content=clip)
    assert (body.status_code, body.json()["error"]["kind"]) == (413, "too_large")
    streamed = small.client.post(URL, content=(bytes(100) for _ in range(20)))
    assert streamed.status_code == 413
    assert small.service.memory_budget._free_bytes == small.service.settings.max_bodies_bytes


def test_large_json_bodies_are_413(served) -> None:
    for content in (b'{"who": "' + b"x" * 100_000 + b'"}', (b"x" * 1000 for _ in range(100))):
        reply = served.client.put(f"{URL}/x/feedback", content=content, headers={"Content-Type": "application/json"})
        assert (reply.status_code, reply.json()["error"]["kind"]) == (413, "too_large")


def test_a_long_stereo_sound(served, states: Predictor, sound_file: Callable[..., bytes]) -> None:
    content = sound_file(30.0, rate_hz=48_000, channels=2)
    reply = served.client.post(URL, content=content)
    assert reply.status_code == 201
    assert reply.json()["predictions"] == [json.loads(json.dumps(states.predict(content).as_json()))]


def test_an_encoded_body_is_415(served, clip: bytes) -> None:
    assert served.client.post(URL, content=clip, headers={"Content-Encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize(
    ("content", "boundary"),
    [(b"", ""), (b"x", "; boundary=a"), (b"--a\r\n\r\n", "; boundary=a"), (b"--a--\r\n", "; boundary=a")],
)
def test_malformed_forms_are_400(served, content: bytes, boundary: str) -> None:
    reply = served.client.post(URL, content=content, headers={"Content-Type": f"multipart/form-data{boundary}"})
    assert (reply.status_code, reply.json()["error"]["kind"]) == (400, "request")


@pytest.mark.parametrize(
    "files",
    [
        [("other", ("a", b"x"))],
        [("file", ("a", b"x")), ("file", ("b", b"y"))],
        [("metadata", (None, "{}"))],
    ],
)
def test_forms_with_wrong_parts_are_400(served, files: list[object]) -> None:
    reply = served.client.post(URL, files=files)
    assert (reply.status_code, reply.json()["error"]["kind"]) == (400, "request")


def test_a_repeated_request_returns_the_first_prediction(served, clip: bytes, sound_file: Callable[..., bytes]) -> None:
    headers = {"Idempotency-Key": "the same"}
    first, second = (served.client.post(URL, content=clip, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert second.status_code == 201
    other = served.client.post(URL, content=sound_file(), headers=headers)
    assert (other.status_code, other.json()["error"]["kind"]) == (422, "usage")
    other_query = served.client.post(f"{URL}?windows=true", content=clip, headers=headers)
    assert other_query.status_code == 422
    most_bytes = served.service.settings.max_bodies_bytes
    served.service.memory_budget.reserve(most_bytes)  # no body is held any more, the one that was not needed neither
    served.service.memory_budget.release(most_bytes)


def test_a_failed_request_can_be_repeated(served) -> None:
    headers = {"Idempotency-Key": "again"}
    for _ in range(2):
        assert served.client.post(URL, content=b"prose", headers=headers).status_code == 422


def test_pages_and_filters(served, clip: bytes) -> None:
    ids = [served.client.post(f"{URL}?metadata=" + '{"group": "pages"}', content=clip).json()["id"] for _ in range(5)]
    found, cursor = [], None
    while True:
        params = {"group": "pages", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = served.client.get(URL, params=params).json()
        found += [row["id"] for row in page["entries"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert found == ids[::-1]
    assert served.client.get(URL, params={"cursor": "nonsense"}).status_code == 422
    assert served.client.get(URL, params={"since": "yesterday"}).status_code == 422
    assert served.client.get(URL, params={"labels": "x"}).status_code == 422


def test_overload_is_503(serve_with: Callable[..., object], clip: bytes) -> None:
    busy = serve_with(max_waiting=1, threads=1)
    busy.service.admission.n_in_flight = 3
    reply = busy.client.post(URL, content=clip)
    assert (reply.status_code, reply.json()["error"]["kind"]) == (503, "overloaded")
    assert int(reply.headers["retry-after"]) >= 1
    busy.service.admission.n_in_flight = 0


def test_a_prediction_that_cannot_be_committed_is_503(serve_with: Callable[..., object], clip: bytes) -> None:
    served = serve_with(commit_s=0.3, patience_s=0.1)
    with served.store.database.write():
        reply = served.client.post(URL, content=clip)
        assert (reply.status_code, reply.json()["error"]["kind"]) == (503, "store")
        assert served.client.get(URL).json()["entries"] == []  # what only reads goes on
    time.sleep(0.3)
    assert served.client.post(URL, content=clip).status_code == 201
    assert len(served.client.get(URL).json()["entries"]) == 1


def test_writes_fail_on_a_full_disk_while_reads_work_and_recover(
    serve_with: Callable[..., object], clip: bytes
) -> None:
    served: Any = serve_with()
    pages = 100

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    sa.event.listen(served.store.database.engine, "checkout", limit)
    kept = []
    while (reply := served.client.post(URL, content=clip)).status_code == 201:
        kept.append(reply.json()["id"])
    assert (reply.status_code, reply.json()["error"]["kind"]) == (503, "store")
    assert "the disk is full" in reply.json()["error"]["message"]
    assert len(kept) > 2
    found = served.client.get(URL, params={"limit": 500}).json()["entries"]
    assert [row["id"] for row in found] == kept[::-1]  # nothing else, and what only reads goes on
    assert served.client.get(f"{URL}/{kept[0]}/audio").status_code == 200
    assert served.client.get("/readyz").status_code == 200
    pages = 10_000
    assert served.client.post(URL, content=clip).status_code == 201
