from collections.abc import Callable

URL = "/v1/predictions"


def test_feedback_review_and_deletion(served, sound_file: Callable[..., bytes]) -> None:
    identity = served.client.post(URL, content=sound_file()).json()["id"]
    label = next(iter(served.service.active_model.model.classes))
    assert identity in [row["id"] for row in served.client.get("/v1/review", params={"limit": 200}).json()["entries"]]
    labelled = served.client.put(f"{URL}/{identity}/feedback", json={"label": label, "who": "Ada"})
    assert (labelled.status_code, labelled.json()["label"]) == (200, label)
    for wrong in ({}, {"label": "no such class"}, {"target": 1.0}, {"label": label, "more": 1}, {"label": "\x00"}):
        assert served.client.put(f"{URL}/{identity}/feedback", json=wrong).status_code == 422
    assert [row["who"] for row in served.client.get(f"{URL}/{identity}").json()["feedback"]] == ["Ada"]
    assert identity not in [
        row["id"] for row in served.client.get("/v1/review", params={"limit": 200}).json()["entries"]
    ]
    assert served.client.delete(f"{URL}/{identity}").status_code == 204
    for path in (f"{URL}/{identity}", f"{URL}/{identity}/audio"):
        reply = served.client.get(path)
        assert (reply.status_code, reply.json()["error"]["kind"]) == (404, "missing")
        assert "was deleted" in reply.json()["error"]["message"]
