"""Prometheus metrics of the watch: the last verdict and its figures, checks, retrainings and failures."""

import contextlib
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from auricle.errors import OutputError
from auricle.monitoring.check import Check

__all__ = ["Metrics"]

VERDICTS: Final = {"ok": 0, "watch": 1, "alarm": 2}


class Metrics:
    """Metrics of one watch."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.verdict = self._gauge("auricle_check_verdict", "Verdict of the last check: 0 ok, 1 watch, 2 alarm.")
        self.time = self._gauge("auricle_check_timestamp_seconds", "Time of the last check, in seconds since 1970.")
        self.recordings = self._gauge("auricle_check_recordings", "Recordings of the last check.")
        self.unknown = self._gauge("auricle_check_unknown_ratio", "Share of these that are out of distribution.")
        self.estimated = self._gauge(
            "auricle_check_estimated_score", "Score estimated without labels; absent without an estimate."
        )
        self.measured = self._gauge(
            "auricle_check_measured_score", "Score measured with labels; absent without labels."
        )
        self.checks = self._counter("auricle_checks", "Checks made.", ("model", "verdict"))
        self.failures = self._counter("auricle_check_failures", "Checks that failed.", ())
        self.retrainings = self._counter("auricle_retrainings", "Retrainings tried.", ("name", "outcome"))
        self.webhook_failures = self._counter("auricle_webhook_failures", "Events that could not be delivered.", ())

    def record(self, name: str, check: Check, made_s: float) -> None:
        """Record a check of a model.

        Parameters
        ----------
        name : str
            Name of the model, without its version.
        check : Check
        made_s : float
            Time of the check, in seconds since 1970.
        """
        self.verdict.labels(name).set(VERDICTS[check.verdict.state])
        self.time.labels(name).set(made_s)
        self.recordings.labels(name).set(check.n)
        self.checks.labels(check.model, check.verdict.state).inc()
        found = check.as_json()
        for gauge, value in (
            (self.unknown, check.unknown),
            (self.estimated, (found["estimate"] or {}).get("value")),
            (self.measured, (found["measured"] or {}).get("value")),
        ):
            if value is not None:
                gauge.labels(name).set(value)
            else:
                with contextlib.suppress(KeyError):
                    gauge.remove(name)

    def serve(self, port: int, *, host: str = "127.0.0.1") -> tuple[Any, Any]:
        """Serve the metrics on a port from a thread of its own; return the server, for its shutdown, and the thread.

        Raises
        ------
        OutputError
            The port cannot be bound.
        """
        try:
            return start_http_server(port, addr=host, registry=self.registry)
        except (OSError, OverflowError) as error:
            raise OutputError(f"Port {port} of {host} must be free for metrics. {error}.") from error

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, ("name",), registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)
