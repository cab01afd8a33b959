"""What Prometheus is told by the watch: the last verdict, what it rests on, and how the watch itself is doing."""

import contextlib
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from auricle.errors import OutputError
from auricle.monitoring.check import Check

__all__ = ["Metrics"]

VERDICTS: Final = {"ok": 0, "watch": 1, "alarm": 2}


class Metrics:
    """The numbers of one watch."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.verdict = self._gauge("auricle_check_verdict", "Of the last check: 0 ok, 1 watch, 2 alarm.")
        self.time = self._gauge("auricle_check_timestamp_seconds", "When the last check was made, since 1970.")
        self.recordings = self._gauge("auricle_check_recordings", "That the last check looked at.")
        self.unknown = self._gauge("auricle_check_unknown_ratio", "Of them, too unlike the training sound.")
        self.estimated = self._gauge("auricle_check_estimated_score", "Without labels; absent where it cannot be said.")
        self.measured = self._gauge("auricle_check_measured_score", "With labels; absent without.")
        self.checks = self._counter("auricle_checks", "That were made.", ("model", "verdict"))
        self.failures = self._counter("auricle_check_failures", "Rounds that could not be made.", ())
        self.retrainings = self._counter("auricle_retrainings", "That were tried.", ("name", "outcome"))
        self.untold = self._counter("auricle_webhook_failures", "Events that nobody took.", ())

    def tell(self, name: str, check: Check, made_s: float) -> None:
        """Take in a check of a model.

        Parameters
        ----------
        name : of the model, which its versions share
        made_s : when, in seconds since 1970
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
        """Answer Prometheus on a port from a thread of its own; return the server, to shut it down, and the thread.

        Raises
        ------
        OutputError : the port cannot be listened on
        """
        try:
            return start_http_server(port, addr=host, registry=self.registry)
        except (OSError, OverflowError) as error:
            raise OutputError(f"Port {port} of {host} must be free for metrics. {error}.") from error

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, ("name",), registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)
