from collections.abc import Callable
from typing import Any

URL = "/v1/predictions"


def test_metrics_in_prometheus_format(served, sound_file: Callable[..., bytes]) -> None:
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


def test_liveness_and_readiness(served: Any) -> None:
    model = served.service.active_model.model.name
    assert served.client.get("/healthz").json() == {"status": "ok"}
    ready = served.client.get("/readyz").json()
    assert (ready["status"], ready["model"]) == ("ok", model)
    assert "limits" in ready["decoders"]
    served.service.is_stopping = True
    try:
        reply = served.client.get("/readyz")
        assert (reply.status_code, reply.json()["error"]["kind"]) == (503, "stopping")
    finally:
        served.service.is_stopping = False
