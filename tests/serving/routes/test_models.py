from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from auricle.bundles.bundle import Bundle
from auricle.prediction.predictor import Predictor

URL = "/v1/predictions"


@pytest.fixture
def another(states: Predictor) -> bytes:
    """A second version of the model: the same in all but what its verdict says."""
    bundle = states.bundle
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"verdict": "a second one"})).to_bytes()


def add(served: Any, content: bytes) -> str:
    bundle = Bundle.from_bytes(content)
    manifest = bundle.manifest
    made = served.store.models.add(
        content, name=manifest.name, version=bundle.version, task=manifest.task, classes=manifest.classes
    )
    return str(made.version)


def test_another_model_answers_at_once_and_the_first_again(
    serve_with: Callable[..., Any], another: bytes, sound_file: Callable[..., bytes]
) -> None:
    served = serve_with()
    first = served.client.post(URL, content=sound_file()).json()["model"]
    version = add(served, another)
    moved = served.client.post("/v1/models/states/promote", json={"version": version, "why": "better"})
    assert (moved.status_code, moved.json()["champion"]) == (200, f"states@{version}")
    assert served.client.post(URL, content=sound_file()).json()["model"] == f"states@{version}"
    page = served.client.get("/v1/models").json()
    assert (page["serving"], len(page["models"])) == (f"states@{version}", 2)
    back = served.client.post("/v1/models/states/rollback", json={})
    assert back.json()["champion"] == first
    assert served.client.post(URL, content=sound_file()).json()["model"] == first
    assert served.client.post("/v1/models/states/rollback", json={}).status_code == 404


def test_a_champion_that_cannot_be_loaded_answers_nobody(
    serve_with: Callable[..., Any], sound_file: Callable[..., bytes]
) -> None:
    served = serve_with()
    first = served.service.active_model.model.name
    broken = served.store.models.add(b"no bundle", name="states", version="0" * 12, task="classify")
    assert served.client.post("/v1/models/states/promote", json={"version": broken.version}).status_code == 200
    assert served.client.post(URL, content=sound_file()).json()["model"] == first
    assert served.client.get("/readyz").json() == {"status": "degraded", "model": first}
    assert "the new champion could not be loaded" in served.client.get("/").text
    served.client.post("/v1/models/states/rollback", json={})
    assert served.client.get("/readyz").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("states/promote", {"version": "nothing"}, 404),
        ("states/promote", {}, 404),
        ("nothing/promote", {"version": "x"}, 404),
        ("nothing/rollback", {}, 404),
        ("states/promote", {"more": 1}, 422),
        ("states/promote", [], 422),
    ],
)
def test_promotions_that_cannot_be(served, path: str, body: object, status: int) -> None:
    assert served.client.post(f"/v1/models/{path}", json=body).status_code == status


def test_the_monitor_tells_what_was_kept(serve_with: Callable[..., Any]) -> None:
    served = serve_with()
    assert served.client.get("/v1/monitor").json()["error"]["kind"] == "missing"
    served.store.checks.add("states@1", "alarm", {"causes": ["hum"]})
    told = served.client.get("/v1/monitor").json()
    assert (told["model"], told["verdict"], told["check"]) == ("states@1", "alarm", {"causes": ["hum"]})


def test_numbers_for_prometheus(served, sound_file: Callable[..., bytes]) -> None:
    model = served.client.post(URL, content=sound_file()).json()["model"]
    text = served.client.get("/metrics").text
    for wanted in (
        'auricle_requests_total{method="POST",route="/v1/predictions",status="201"}',
        "auricle_decode_seconds_bucket",
        "auricle_queue_seconds_bucket",
        "auricle_commit_seconds_bucket",
        f'auricle_confidence_bucket{{le="1.0",model="{model}"}}',
        f'auricle_novelty_count{{model="{model}"}}',
    ):
        assert wanted in text
