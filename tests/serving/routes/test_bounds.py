"""Every reply, row and unit of work has a bound, whatever is in the store and whatever is asked."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.routing import Route

from auricle.records import Entry
from auricle.serving.app import ROUTERS
from auricle.store.labels.feedback import FeedbackEntry

MAX_REPLY = 30_000
LARGEST_ROW = 20_000
"""Of one entry in a listing: a page has at least one."""


@pytest.fixture
def full(serve_with: Callable[..., Any], make_entry: Callable[..., Entry]) -> Any:
    """A server whose store holds large entries with many windows and many labels."""
    served = serve_with(max_reply_bytes=MAX_REPLY)
    model = served.service.active_model.model
    entries = []
    for _ in range(30):
        made = make_entry(model=model.name, metadata={f"name{i}": "x" * 500 for i in range(20)})
        first, window = (replace(prediction, model=model.name) for prediction in made.predictions)
        entries.append(replace(made, predictions=(first, *(replace(window, start_s=i) for i in range(200)))))
    served.store.add(entries)
    for _ in range(150):
        served.store.feedback.add(FeedbackEntry(entries[0].id, "worn", None, who="w" * 200, via="api"))
    return served, entries


def test_every_reply_to_a_get_request_is_bounded(full: Any) -> None:
    served, entries = full
    paths = [
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    ]
    assert len(paths) > 8
    sizes = {}
    for path in paths:
        query = "?limit=500" if path == "/v1/predictions" else "?limit=200" if path == "/v1/review" else ""
        sizes[path] = len(served.client.get(path.format(identity=entries[0].id) + query).content)
    one = "/v1/predictions/{identity}"  # its windows were bounded when they were made, and its labels here
    assert sizes.pop(one) < len(json.dumps([p.as_json() for p in entries[0].predictions])) + 100 * 400 + LARGEST_ROW
    assert {path: size for path, size in sizes.items() if size > MAX_REPLY + LARGEST_ROW} == {}


def test_short_pages_lose_no_entry(full: Any) -> None:
    served, entries = full
    found: list[str] = []
    cursor, n_pages = None, 0
    while cursor is not None or not n_pages:
        page = served.client.get(
            "/v1/predictions", params={"limit": 20} | ({"cursor": cursor} if cursor else {})
        ).json()
        found += [entry["id"] for entry in page["entries"]]
        assert all(len(entry["predictions"]) == 1 for entry in page["entries"])
        cursor, n_pages = page["cursor"], n_pages + 1
    assert found == [entry.id for entry in reversed(entries)]
    assert n_pages > 2


def test_one_prediction_has_its_windows(full: Any) -> None:
    served, entries = full
    found = served.client.get(f"/v1/predictions/{entries[3].id}").json()
    assert len(found["predictions"]) == 201


@pytest.mark.parametrize(
    ("query", "settings", "says"),
    [
        ("?hop_s=0.008", {"max_windows": 100}, "may be at most 100: with `hop_s` 0.008"),
        ("?windows=true", {"max_reply_bytes": 3000}, "windows of a reply"),
        ("?hop_s=0.01&events=true", {"max_windows": 50}, "may be at most 50"),
        ("?events=true&hop_s=0.05", {"max_reply_bytes": 40}, "A reply may have 40 bytes"),
        ("", {"max_predict_s": 1e-6}, "may be at most 1:"),
    ],
)
def test_what_costs_too_much_is_refused_with_what_is_allowed(
    serve_with: Callable[..., Any], sound_file: Callable[..., bytes], query: str, settings: dict[str, Any], says: str
) -> None:
    served = serve_with(**settings)
    reply = served.client.post(f"/v1/predictions{query}", content=sound_file(5.0))
    assert (reply.status_code, reply.json()["error"]["kind"]) == (422, "usage")
    assert says in reply.json()["error"]["message"]
    assert served.service.memory_budget.used_bytes == 0
    assert served.client.get("/v1/predictions").json()["entries"] == []


def test_long_sounds_are_predicted_as_short_ones_are(
    serve_with: Callable[..., Any], sound_file: Callable[..., bytes]
) -> None:
    content = sound_file(5.0)
    served = serve_with(long_s=1.0)
    found = served.client.post("/v1/predictions?windows=true", content=content).json()["predictions"]
    served.service.settings = served.service.settings.model_copy(update={"long_s": 30.0})
    assert served.client.post("/v1/predictions?windows=true", content=content).json()["predictions"] == found


def test_work_on_a_sound_ends_when_the_server_stops(
    serve_with: Callable[..., Any], sound_file: Callable[..., bytes]
) -> None:
    served = serve_with()
    served.service.work_ends_at = 0.0
    reply = served.client.post("/v1/predictions", content=sound_file(5.0))
    assert (reply.status_code, reply.json()["error"]["kind"]) == (503, "stopping")


def test_a_stream_that_would_take_all_the_time_is_refused(serve_with: Callable[..., Any]) -> None:
    from starlette.testclient import WebSocketDenialResponse

    served = serve_with()
    served.service.active_model.cost = replace(served.service.active_model.cost, window_seconds=1.0)
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        served.client.websocket_connect("ws://127.0.0.1/v1/streams?rate_hz=8000"),
    ):
        pass
    assert denied.value.status_code == 422
    assert served.service.memory_budget.used_bytes == 0
