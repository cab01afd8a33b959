"""Watch loop: check each champion at intervals, store the checks, report alarms, and retrain when labels suffice."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from auricle.bundles.bundle import Bundle
from auricle.errors import AuricleError, ConflictError, StoreError
from auricle.lifecycle.lease import LeaseGuard
from auricle.lifecycle.metrics import Metrics
from auricle.lifecycle.retrain import Retrained
from auricle.lifecycle.webhook import Webhook
from auricle.monitoring.check import RATE, Check, check
from auricle.monitoring.sources.from_store import samples_from_store
from auricle.monitoring.sources.sample import Sample, reference_sample, to_datetime64
from auricle.monitoring.verdict import Persistence
from auricle.runtime import clock
from auricle.store.labels.review import mark_representatives
from auricle.store.predictions.filters import Filter
from auricle.store.registry.models import Model
from auricle.store.store import Store

__all__ = ["MIN_LABELS", "PERSISTENCE", "Watch", "WatchConfig", "WatchResult", "representatives"]


MIN_LABELS: Final = 50
"""New labels that start a retraining."""
PERSISTENCE: Final = Persistence(2, 3)
"""An alarm needs two of three checks."""
STANDBY_S: Final = 10.0
"""Seconds between attempts of a waiting process to take over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    """Settings of a watch.

    Parameters
    ----------
    name : str, optional
        Name of the model; None for every champion in the store.
    since_s : float
        Time span of a check, up to now.
    rate : float
        False alarm rate of a check.
    by : str, optional
        Metadata column of the subgroups.
    persistence : Persistence
        Checks that must find an alarm.
    least_labels : int
        New labels that start a retraining.
    """

    name: str | None = None
    since_s: float = 7 * 86_400.0
    rate: float = RATE
    by: str | None = None
    persistence: Persistence = PERSISTENCE
    least_labels: int = MIN_LABELS


@dataclass(frozen=True, slots=True)
class WatchResult:
    """Result of one round for one model.

    Parameters
    ----------
    check : Check
    retrained : Retrained or None
        Retraining that followed, if any.
    problems : tuple of str
        Failures besides the check.
    """

    check: Check
    retrained: Retrained | None = None
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the check as JSON values, with the retraining and the problems."""
        after = None if self.retrained is None else self.retrained.as_json()
        return self.check.as_json() | {"retrained": after, "problems": list(self.problems)}


@dataclass(eq=False)
class Watch:
    """Watches the champions of a store.

    Parameters
    ----------
    store : Store
    config : WatchConfig
    retrain : callable, optional
        Retrains the model of a name.
    webhook : Webhook, optional
        Receives alarms, their end, and retrainings.
    metrics : Metrics
        Served to Prometheus.
    """

    store: Store
    config: WatchConfig = field(default_factory=WatchConfig)
    retrain: Callable[[str], Retrained] | None = None
    webhook: Webhook | None = None
    metrics: Metrics = field(default_factory=Metrics)
    _bundles: dict[str, tuple[str, Bundle]] = field(default_factory=dict, init=False)

    def run(
        self,
        *,
        every_s: float,
        stop: threading.Event,
        on_result: Callable[[WatchResult], None],
        on_message: Callable[[str], None],
    ) -> None:
        """Check all champions in rounds until stopped; of several processes, one runs and the others wait.

        A failure, such as an unavailable store, is reported and tried again in the next round.

        Parameters
        ----------
        every_s : float
            Seconds from the start of one round to the next.
        stop : threading.Event
        on_result : callable
            Called with the result of each model.
        on_message : callable
            Called with further messages.
        """
        is_waiting = False
        while not stop.is_set():
            try:
                with LeaseGuard(self.store, "watch", "The watch over a store") as lease:
                    is_waiting = False
                    while not stop.is_set():
                        self._run_round(every_s, lease, stop, on_result, on_message)
            except ConflictError as error:
                if not is_waiting:
                    on_message(f"{error} This process waits until it ends.")
                is_waiting = True
            except StoreError as error:
                on_message(str(error))
            stop.wait(min(every_s, STANDBY_S))

    def run_once(self) -> tuple[WatchResult, ...]:
        """Check all champions once.

        Raises
        ------
        ConflictError
            Another process watches the store.
        StoreError
            The store cannot be used.
        """
        with LeaseGuard(self.store, "watch", "The watch over a store"):
            return tuple(self.check_model(model) for model in self.champions())

    def champions(self) -> tuple[Model, ...]:
        """Return the models that are watched."""
        return self.store.models.champions(self.config.name)

    def check_model(self, model: Model) -> WatchResult:
        """Check one model, store and report the result, and retrain if due.

        Raises
        ------
        StoreError
            The store cannot be used.
        AuricleError
            A bundle that cannot be read, or a column that no recording has.
        """
        bundle = self._bundle(model)
        reference, window = reference_sample(bundle), self._window(model, bundle)
        earlier = self.store.checks.latest(model.id, limit=self.config.persistence.n)[: self.config.persistence.n - 1]
        found = check(
            reference,
            window,
            model_rate_hz=bundle.manifest.spec.rate_hz,
            rate=self.config.rate,
            by=self.config.by if len(window) else None,
            earlier=[one.body.get("found", "ok") for one in reversed(earlier)],
            persistence=self.config.persistence,
        )
        last = self.store.checks.latest(model.name)
        stored = self.store.checks.add(model.id, found.verdict.state, found.as_json())
        has_drifted = len(window) and found.verdict.found != "ok"
        mark_representatives(self.store.database, model.id, representatives(reference, window) if has_drifted else {})
        self.metrics.record(model.name, found, stored.time.timestamp())
        problems = []
        previous = last[0].verdict if last else "ok"
        if found.verdict.state != previous and "alarm" in (found.verdict.state, previous):
            problems.append(self._send("check", {"was": previous, **found.as_json()}))
        retrained, problem = self._retrain_if_due(model.name, found)
        return WatchResult(found, retrained, tuple(one for one in (*problems, problem) if one is not None))

    def _run_round(
        self,
        every_s: float,
        lease: LeaseGuard,
        stop: threading.Event,
        on_result: Callable[[WatchResult], None],
        on_message: Callable[[str], None],
    ) -> None:
        """Check all champions, and wait for the next round."""
        started = time.monotonic()
        lease.check()
        champions = self.champions()
        if not champions:
            on_message("No model in the store has a champion yet.")
        for model in champions:
            try:
                on_result(self.check_model(model))
            except AuricleError as error:
                self.metrics.failures.inc()
                on_message(f"{model.id} could not be checked: {error}")
        stop.wait(max(0.0, every_s - (time.monotonic() - started)))

    def _bundle(self, model: Model) -> Bundle:
        digest, bundle = self._bundles.get(model.name, ("", None))
        if bundle is None or digest != model.digest:
            bundle = Bundle.from_bytes(self.store.models.content(model.digest), source=model.id)
            self._bundles[model.name] = model.digest, bundle
        return bundle

    def _window(self, model: Model, bundle: Bundle) -> Sample:
        """Return the recent recordings of this model version as a sample, possibly empty."""
        since = clock.now() - timedelta(seconds=self.config.since_s)
        found, _ = samples_from_store(self.store.scan(Filter(model=model.id, since=since)), lambda _: bundle)
        empty = reference_sample(bundle).subset(np.array([], np.intp))
        return found[model.id][1] if model.id in found else empty

    def _retrain_if_due(self, name: str, found: Check) -> tuple[Retrained | None, str | None]:
        """Retrain on an alarm with enough new labels; also return a problem, if any."""
        if self.retrain is None or found.verdict.state != "alarm":
            return None, None
        if self._n_new_labels(name) < self.config.least_labels:
            return None, None
        try:
            retrained = self.retrain(name)
        except AuricleError as error:
            self.metrics.retrainings.labels(name, "failed").inc()
            self._send("retraining", {"name": name, "outcome": "failed", "error": error.as_json()})
            return None, f"{name} could not be retrained: {error}"
        self.metrics.retrainings.labels(name, retrained.outcome).inc()
        return retrained, self._send("retraining", {"name": name, **retrained.as_json()})

    def _n_new_labels(self, name: str) -> int:
        """Return how many labels were given since the last decision read them; retention does not change it."""
        done = [d for d in self.store.decisions.latest(name) if d.outcome in ("promoted", "kept", "refused")]
        since: np.datetime64 = np.datetime64(0, "us")
        if done:
            read_at = done[0].body.get("labels_read_at")  # absent in decisions before it was recorded
            since = to_datetime64(done[0].begun if read_at is None else datetime.fromisoformat(read_at))
        batches = self.store.scan(Filter(model=name, labelled=True))
        return sum(int((batch.truth_times > since).sum()) for batch in batches)

    def _send(self, event: str, payload: Mapping[str, Any]) -> str | None:
        problem = None if self.webhook is None else self.webhook.send(event, payload)
        if problem is not None:
            self.metrics.webhook_failures.inc()
        return problem


MAX_DEVIATIONS = 3.0
"""Largest deviation of a column, so that one broken recording does not set the direction."""


def representatives(reference: Sample, window: Sample) -> dict[str, float]:
    """Return how far each recording has moved in the direction of the whole window, by its id.

    Parameters
    ----------
    reference : Sample
        Training data.
    window : Sample
        At least one live recording.

    Returns
    -------
    dict of str to float
        Deviation along the direction from the reference's mean to the window's, in standard deviations.
    """
    before = np.column_stack([reference.rows, reference.quality]).astype(np.float64)
    after = np.column_stack([window.rows, window.quality]).astype(np.float64)
    std = before.std(axis=0)
    varying = std > 0
    deviations = np.clip(
        (after[:, varying] - before[:, varying].mean(axis=0)) / std[varying], -MAX_DEVIATIONS, MAX_DEVIATIONS
    )
    direction = deviations.mean(axis=0)
    length = float(np.linalg.norm(direction))
    scores = deviations @ direction / length if length else np.zeros(len(deviations))
    return dict(zip(window.ids.tolist(), scores.tolist(), strict=True))
