"""Generated requests, valid and invalid by the OpenAPI document, cause no internal error."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

schemathesis = pytest.importorskip("schemathesis")

N_EXAMPLES = 6  # of those that are allowed, and as many that are not
_SENT = ("method", "url", "headers", "params", "json", "data", "content", "files")


@pytest.mark.slow
def test_no_generated_request_causes_an_internal_error(served: Any) -> None:
    document = served.client.get("/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    faults, checked = [], set()
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(max_examples=N_EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @_given(operation)
        def check(case: Any) -> None:
            checked.add(case.operation.label)
            reply = served.client.request(**_request(case))
            if reply.status_code >= 500 and not (reply.status_code == 503 and "error" in reply.json()):
                faults.append((case.method, case.formatted_path, reply.status_code))
            if reply.status_code >= 400:
                assert set(reply.json()["error"]) == {"kind", "message"}

        check()
    assert faults == []
    assert len(checked) == sum(len(methods) for methods in document["paths"].values())


def _given(operation: Any) -> Any:
    from hypothesis import given

    strategy = st.one_of(
        operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
    )
    return given(case=strategy)


def _request(case: Any) -> dict[str, Any]:
    sent = case.as_transport_kwargs()
    if isinstance(sent.get("data"), bytes):  # as requests calls what httpx calls content
        sent["content"] = sent.pop("data")
    if "headers" in sent:  # httpx takes texts of ASCII only
        sent["headers"] = {name: str(value).encode("utf-8", "replace") for name, value in sent["headers"].items()}
    if "files" in sent:
        sent["files"] = _texts(sent["files"])
    return {name: sent[name] for name in _SENT if name in sent}


def _texts(parts: Any) -> Any:
    """Write a form's parts out as requests does: httpx takes no numbers for them, and fails while it sends."""
    if isinstance(parts, dict):
        return {name: _texts(part) for name, part in parts.items()}
    if isinstance(parts, list | tuple):
        return type(parts)(map(_texts, parts))
    return parts if parts is None or isinstance(parts, str | bytes) else str(parts)
