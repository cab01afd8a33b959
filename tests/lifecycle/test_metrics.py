"""Metrics of the watch: figures of the last check, absent scores, and a port that is taken."""

import socket
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from auricle.errors import OutputError
from auricle.lifecycle.metrics import Metrics
from auricle.monitoring.check import Check
from auricle.monitoring.sources.units import Units
from auricle.monitoring.verdict import Verdict


@pytest.fixture
def check() -> Check:
    return Check(
        model="pumps@1",
        n=60,
        n_reference=64,
        n_groups=12,
        first=None,
        last=None,
        rate=0.01,
        verdict=Verdict("alarm", "alarm", "Level fell by 12 dB."),
        units=Units(np.arange(60).astype(str), n=60, recordings_per_unit=1, duration_s=None, n_sources=12),
        unknown=0.25,
    )


def value(metrics: Metrics, metric: str, **labels: str) -> Any:
    return metrics.registry.get_sample_value(metric, labels)


def test_last_check_is_recorded(check: Check) -> None:
    metrics = Metrics()
    metrics.record("pumps", check, 1000.0)
    assert value(metrics, "auricle_check_verdict", name="pumps") == 2
    assert value(metrics, "auricle_check_timestamp_seconds", name="pumps") == 1000
    assert value(metrics, "auricle_check_recordings", name="pumps") == 60
    assert value(metrics, "auricle_check_unknown_ratio", name="pumps") == 0.25
    assert value(metrics, "auricle_checks_total", model="pumps@1", verdict="alarm") == 1


def test_missing_scores_are_absent(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    with monkeypatch.context() as patched:
        patched.setattr(Check, "as_json", lambda _: {"estimate": {"value": 0.9}, "measured": {"value": 0.8}})
        metrics.record("pumps", check, 1000.0)
    assert value(metrics, "auricle_check_measured_score", name="pumps") == 0.8
    metrics.record("pumps", replace(check, unknown=None), 2000.0)
    for metric in ("auricle_check_unknown_ratio", "auricle_check_estimated_score", "auricle_check_measured_score"):
        assert value(metrics, metric, name="pumps") is None


def test_taken_port_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OutputError, match="must be free for metrics"):
            Metrics().serve(taken.getsockname()[1])
