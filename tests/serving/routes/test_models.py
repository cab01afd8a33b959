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
    assert served.client.get("/readyz").json().items() >= {"status": "degraded", "model": first}.items()
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


def test_of_two_promotions_that_expect_the_same_champion_one_gets_412(
    serve_with: Callable[..., Any], second_version: bytes
) -> None:
    served = serve_with()
    first = served.client.get("/v1/models")
    version, etag = add(served, second_version), first.headers["ETag"]
    before = served.service.active_model.model.name
    won = served.client.post("/v1/models/states/promote", json={"version": version}, headers={"If-Match": etag})
    assert (won.status_code, won.json()["champion"]) == (200, f"states@{version}")
    assert "warning" not in won.json()
    assert "Warning" not in won.headers
    for lost in (
        served.client.post("/v1/models/states/promote", json={"version": version}, headers={"If-Match": etag}),
        served.client.post("/v1/models/states/rollback", json={}, headers={"If-Match": etag}),
        served.client.post("/v1/models/states/rollback", json={"expected": before.rpartition("@")[2]}),
    ):
        assert (lost.status_code, lost.json()["error"]["kind"]) == (412, "precondition")
        assert f"states@{version}" in lost.json()["error"]["message"]
    assert served.client.get("/v1/models").headers["ETag"] == won.headers["ETag"] != etag
    back = served.client.post("/v1/models/states/rollback", json={"expected": version})
    assert (back.status_code, back.json()["champion"], back.headers["ETag"]) == (200, before, etag)


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ("*", 200),
        ('"x", {etag}, "y"', 200),
        ("W/{etag}", 412),  # weak tags match nothing here
        ("{bare}", 412),
        ('""', 412),
        ("", 412),
        ("x" * 5000, 422),
        ('"' * 300, 412),
        (", ,", 412),
        ('"None"', 412),
    ],
)
def test_if_match_in_every_spelling(
    serve_with: Callable[..., Any], second_version: bytes, if_match: str, status: int
) -> None:
    served = serve_with()
    etag = served.client.get("/v1/models").headers["ETag"]
    version = add(served, second_version)
    headers = {"If-Match": if_match.format(etag=etag, bare=etag.strip('"'))}
    reply = served.client.post("/v1/models/states/promote", json={"version": version}, headers=headers)
    assert reply.status_code == status


def test_a_change_that_expects_nothing_works_and_warns(serve_with: Callable[..., Any], second_version: bytes) -> None:
    served = serve_with()
    reply = served.client.post("/v1/models/states/promote", json={"version": add(served, second_version)})
    assert reply.status_code == 200
    assert "If-Match" in reply.json()["warning"]
    assert reply.headers["Warning"].startswith("299 - ")


def test_a_change_between_reading_and_writing_is_412(
    serve_with: Callable[..., Any], second_version: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve_with()
    version = add(served, second_version)
    aliases = served.store.aliases
    monkeypatch.setattr(type(aliases), "digest", lambda *_: "0" * 64)  # read before the other change
    reply = served.client.post("/v1/models/states/promote", json={"version": version})
    assert reply.status_code == 412
