from collections.abc import Callable
from typing import Any


def test_monitor_returns_the_latest_check(serve_with: Callable[..., Any]) -> None:
    served = serve_with()
    assert served.client.get("/v1/monitor").json()["error"]["kind"] == "missing"
    served.store.checks.add("states@1", "alarm", {"causes": ["hum"]})
    body = served.client.get("/v1/monitor").json()
    assert (body["model"], body["verdict"], body["check"]) == ("states@1", "alarm", {"causes": ["hum"]})
