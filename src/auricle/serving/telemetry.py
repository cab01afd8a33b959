"""Logs as JSON lines, without control characters and without keys."""

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

__all__ = ["CONTENT_TYPE", "FOLDER_VARIABLE", "JsonLines", "Metrics", "install"]


_TOKEN: Final = re.compile(r"aud_([a-z2-7]{1,16})_[A-Za-z0-9_-]+")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and whatever else the record holds.

    JSON escapes control characters, so that no client can write a line of its own; of a key only its id is told.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
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


def install(level: int = logging.INFO) -> None:
    """Send every log of this process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Every request is told by our own line; uvicorn's say nothing more than that it started.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder through which the workers of one server add their numbers up."""

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TENTHS: Final = tuple(step / 10 for step in range(1, 11))
_NOVELTY: Final = (*_TENTHS, 1.5, 2.0, 5.0)


class Metrics:
    """The numbers of one process, which `read` adds up with those of its siblings."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when each was made, which doubles their number
        self._registry = CollectorRegistry()
        self.requests = self._counter("auricle_requests", "Requests answered.", ("method", "route", "status"))
        self.request_s = self._histogram("auricle_request_seconds", "Time to answer.", ("route",), _SECONDS)
        self.queue_s = self._histogram("auricle_queue_seconds", "Time that sounds wait for a thread.", (), _SECONDS)
        self.decode_s = self._histogram("auricle_decode_seconds", "Time to decode a sound.", (), _SECONDS)
        self.answer_s = self._histogram("auricle_answer_seconds", "Time of features and model.", ("model",), _SECONDS)
        self.commit_s = self._histogram("auricle_commit_seconds", "Time until an answer is kept.", (), _SECONDS)
        self.refused = self._counter("auricle_refused", "Sounds that could not be answered.", ("kind",))
        self.confidence = self._histogram("auricle_confidence", "Confidence of recordings.", ("model",), _TENTHS)
        self.novelty = self._histogram("auricle_novelty", "Novelty of recordings.", ("model",), _NOVELTY)
        self.unknown = self._counter("auricle_unknown", "Recordings like nothing in training.", ("model",))
        self.answers = self._counter("auricle_answers", "Recordings answered and kept.", ("model",))
        self.streams = self._gauge("auricle_streams", "WebSocket streams that are open.")
        self.waiting = self._gauge("auricle_waiting", "Sounds that wait or are in work.")
        self.swaps = self._counter("auricle_model_swaps", "Times that another model began to answer.", ())
        self.model_problem = self._gauge("auricle_model_problem", "1 where the champion could not be loaded.")

    def tell(self, recording: Prediction) -> None:
        """Count the answer to a recording."""
        self.answers.labels(recording.model).inc()
        if recording.confidence is not None:
            self.confidence.labels(recording.model).observe(recording.confidence)
        if recording.novelty is not None:
            self.novelty.labels(recording.model).observe(recording.novelty)
        if recording.unknown:
            self.unknown.labels(recording.model).inc()

    def read(self) -> bytes:
        """Return everything in Prometheus's text format."""
        if FOLDER_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _counter(self, name: str, says: str, labels: Sequence[str]) -> Counter:
        return Counter(name, says, labels, registry=self._registry)

    def _gauge(self, name: str, says: str) -> Gauge:
        return Gauge(name, says, registry=self._registry, multiprocess_mode="livesum")

    def _histogram(self, name: str, says: str, labels: Sequence[str], bounds: Sequence[float]) -> Histogram:
        return Histogram(name, says, labels, buckets=bounds, registry=self._registry)
