from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from auricle.bundles.bundle import Bundle
from auricle.prediction.predictor import Predictor

URL = "/v1/predictions"


@pytest.fixture
def second_version(states: Predictor) -> bytes:
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


def test_promote_and_rollback_swap_the_active_model(
    serve_with: Callable[..., Any], second_version: bytes, sound_file: Callable[..., bytes]
) -> None:
    served = serve_with()
    first = served.client.post(URL, content=sound_file()).json()["model"]
    version = add(served, second_version)
    promoted = served.client.post("/v1/models/states/promote", json={"version": version, "why": "better"})
    assert (promoted.status_code, promoted.json()["champion"]) == (200, f"states@{version}")
    assert served.client.post(URL, content=sound_file()).json()["model"] == f"states@{version}"
    page = served.client.get("/v1/models").json()
    assert (page["serving"], len(page["models"])) == (f"states@{version}", 2)
    rolled_back = served.client.post("/v1/models/states/rollback", json={})
    assert rolled_back.json()["champion"] == first
    assert served.client.post(URL, content=sound_file()).json()["model"] == first
    assert served.client.post("/v1/models/states/rollback", json={}).status_code == 404


def test_a_broken_champion_leaves_the_previous_model_active(
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
def test_invalid_promotions_are_refused(served, path: str, body: object, status: int) -> None:
    assert served.client.post(f"/v1/models/{path}", json=body).status_code == status
