"""Logging as JSON lines without secrets, and Prometheus metrics shared by all server processes."""

import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from auricle.records import Prediction

__all__ = ["CONTENT_TYPE", "FOLDER_VARIABLE", "JsonLines", "Metrics", "configure_logging"]


_TOKEN: Final = re.compile(r"aud_([a-z2-7]{1,16})_[A-Za-z0-9_-]+")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonLines(logging.Formatter):
    """Format a log record as one JSON object: time, level, logger, message and the extra fields.

    JSON escapes control characters, so that clients cannot forge lines; API keys are reduced to their ids.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _TOKEN.sub(r"aud_\1_...", json.dumps(line, default=str))


def configure_logging(level: int = logging.INFO) -> None:
    """Write all logs of this process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # The middleware logs every request; uvicorn's lines would add only that it started.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable with the folder in which the processes of a server share their metrics."""

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TENTHS: Final = tuple(step / 10 for step in range(1, 11))
_NOVELTY: Final = (*_TENTHS, 1.5, 2.0, 5.0)


class Metrics:
    """The Prometheus metrics of a process; `render` sums them over all processes of the server."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a creation time would double the series
        self._registry = CollectorRegistry()
        self.requests = self._counter("auricle_requests", "Requests.", ("method", "route", "status"))
        self.request_s = self._histogram("auricle_request_seconds", "Duration of a request.", ("route",), _SECONDS)
        self.queue_s = self._histogram("auricle_queue_seconds", "Time that sounds wait for a thread.", (), _SECONDS)
        self.decode_s = self._histogram("auricle_decode_seconds", "Time to decode a sound.", (), _SECONDS)
        self.predict_s = self._histogram("auricle_answer_seconds", "Time of features and model.", ("model",), _SECONDS)
        self.commit_s = self._histogram("auricle_commit_seconds", "Time to commit a prediction.", (), _SECONDS)
        self.refused = self._counter("auricle_refused", "Sounds without a prediction, by error.", ("kind",))
        self.confidence = self._histogram("auricle_confidence", "Confidence of recordings.", ("model",), _TENTHS)
        self.novelty = self._histogram("auricle_novelty", "Novelty of recordings.", ("model",), _NOVELTY)
        self.unknown = self._counter("auricle_unknown", "Recordings unlike the training data.", ("model",))
        self.predictions = self._counter("auricle_answers", "Recordings predicted and committed.", ("model",))
        self.streams = self._gauge("auricle_streams", "Open WebSocket streams.")
        self.waiting = self._gauge("auricle_waiting", "Sounds in flight.")
        self.swaps = self._counter("auricle_model_swaps", "Replacements of the active model.", ())
        self.model_problem = self._gauge("auricle_model_problem", "1 if the champion could not be loaded.")

    def count_prediction(self, recording: Prediction) -> None:
        """Count the committed prediction of a recording."""
        self.predictions.labels(recording.model).inc()
        if recording.confidence is not None:
            self.confidence.labels(recording.model).observe(recording.confidence)
        if recording.novelty is not None:
            self.novelty.labels(recording.model).observe(recording.novelty)
        if recording.unknown:
            self.unknown.labels(recording.model).inc()

    def render(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        if FOLDER_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
        return generate_latest(merged)

    def _counter(self, name: str, help_text: str, labels: Sequence[str]) -> Counter:
        return Counter(name, help_text, labels, registry=self._registry)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(name, help_text, registry=self._registry, multiprocess_mode="livesum")

    def _histogram(self, name: str, help_text: str, labels: Sequence[str], bounds: Sequence[float]) -> Histogram:
        return Histogram(name, help_text, labels, buckets=bounds, registry=self._registry)
