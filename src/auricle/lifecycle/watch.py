"""The monitor as a loop beside the server: checks are kept, alarms told, and models retrained when it is time."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
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
from auricle.monitoring.sources.sample import Sample, reference_sample
from auricle.monitoring.verdict import Persistence
from auricle.runtime import clock
from auricle.store.labels.review import mark_representatives
from auricle.store.predictions.filters import Filter
from auricle.store.registry.models import Model
from auricle.store.store import Store

__all__ = ["MIN_LABELS", "PERSISTENCE", "Watch", "WatchConfig", "WatchResult", "representatives"]


MIN_LABELS: Final = 50
"""New labels that a retraining is worth."""
PERSISTENCE: Final = Persistence(2, 3)
"""An alarm is found in two of three checks: one odd day is none."""
STANDBY_S: Final = 10.0
"""How often one that waits looks whether the other has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    """What to watch.

    Parameters
    ----------
    name : of the model; None for every champion in the store
    since_s : how far back a check looks
    rate : of false alarms, where nothing has changed
    by : column of the metadata whose values are looked at one by one
    persistence : how often an alarm must be found
    least_labels : new labels that a retraining is worth
    """

    name: str | None = None
    since_s: float = 7 * 86_400.0
    rate: float = RATE
    by: str | None = None
    persistence: Persistence = PERSISTENCE
    least_labels: int = MIN_LABELS


@dataclass(frozen=True, slots=True)
class WatchResult:
    """What was found of one model in one round.

    Parameters
    ----------
    check : what it hears, and the verdict
    retrained : what came of the retraining that followed; None where none did
    problems : what went wrong beside it
    """

    check: Check
    retrained: Retrained | None = None
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the check, with what came after it."""
        after = None if self.retrained is None else self.retrained.as_json()
        return self.check.as_json() | {"retrained": after, "problems": list(self.problems)}


@dataclass(eq=False)
class Watch:
    """Watches the champions of a store.

    Parameters
    ----------
    asked : what to watch
    retrain : retrains the model of a name; None to leave that to somebody
    webhook : who is told of alarms, their end, and retrainings
    metrics : what Prometheus asks
    """

    store: Store
    asked: WatchConfig = field(default_factory=WatchConfig)
    retrain: Callable[[str], Retrained] | None = None
    webhook: Webhook | None = None
    metrics: Metrics = field(default_factory=Metrics)
    _bundles: dict[str, tuple[str, Bundle]] = field(default_factory=dict, init=False)

    def run(
        self, *, every_s: float, stop: threading.Event, tell: Callable[[WatchResult], None], say: Callable[[str], None]
    ) -> None:
        """Make a round again and again until told to stop; of many that run, one does, and the others wait for its end.

        What goes wrong in a round, such as a store that is away, is said, and tried again in the next.

        Parameters
        ----------
        every_s : from the beginning of one round to that of the next
        tell : takes what was found of each model
        say : takes what else somebody should know
        """
        is_waiting = False
        while not stop.is_set():
            try:
                with LeaseGuard(self.store, "watch", "The watch over a store") as held:
                    is_waiting = False
                    while not stop.is_set():
                        self._again(every_s, held, stop, tell, say)
            except ConflictError as error:
                if not is_waiting:
                    say(f"{error} This one waits for its end.")
                is_waiting = True
            except StoreError as error:
                say(str(error))
            stop.wait(min(every_s, STANDBY_S))

    def once(self) -> tuple[WatchResult, ...]:
        """Make one round.

        Raises
        ------
        ConflictError : somebody else watches the store
        StoreError : the store cannot be used
        """
        with LeaseGuard(self.store, "watch", "The watch over a store"):
            return tuple(self.look(model) for model in self.champions())

    def champions(self) -> tuple[Model, ...]:
        """Return what is watched."""
        return self.store.models.champions(self.asked.name)

    def look(self, model: Model) -> WatchResult:
        """Check one model, keep what was found, tell of it, and retrain where it is time.

        Raises
        ------
        StoreError : the store cannot be used
        AuricleError : a bundle that cannot be read, or a column that no recording has
        """
        bundle = self._bundle(model)
        reference, window = reference_sample(bundle), self._heard(model, bundle)
        earlier = self.store.checks.latest(model.id, limit=self.asked.persistence.n)[: self.asked.persistence.n - 1]
        found = check(
            reference,
            window,
            model_rate_hz=bundle.manifest.spec.rate_hz,
            rate=self.asked.rate,
            by=self.asked.by if len(window) else None,
            earlier=[one.body.get("found", "ok") for one in reversed(earlier)],
            persistence=self.asked.persistence,
        )
        last = self.store.checks.latest(model.name)
        kept = self.store.checks.add(model.id, found.verdict.state, found.as_json())
        has_moved = len(window) and found.verdict.found != "ok"
        mark_representatives(self.store.database, model.id, representatives(reference, window) if has_moved else {})
        self.metrics.tell(model.name, found, kept.time.timestamp())
        problems = []
        was = last[0].verdict if last else "ok"
        if found.verdict.state != was and "alarm" in (found.verdict.state, was):
            problems.append(self._tell("check", {"was": was, **found.as_json()}))
        retrained, problem = self._retrained(model.name, found)
        said = tuple(one for one in (*problems, problem) if one is not None)
        return WatchResult(found, retrained, said)

    def _again(
        self,
        every_s: float,
        held: LeaseGuard,
        stop: threading.Event,
        tell: Callable[[WatchResult], None],
        say: Callable[[str], None],
    ) -> None:
        """Make a round, and wait for the next."""
        started = time.monotonic()
        held.check()
        champions = self.champions()
        if not champions:
            say("No model in the store has a champion yet.")
        for model in champions:
            try:
                tell(self.look(model))
            except AuricleError as error:
                self.metrics.failures.inc()
                say(f"{model.id} could not be checked: {error}")
        stop.wait(max(0.0, every_s - (time.monotonic() - started)))

    def _bundle(self, model: Model) -> Bundle:
        digest, bundle = self._bundles.get(model.name, ("", None))
        if bundle is None or digest != model.digest:
            bundle = Bundle.from_bytes(self.store.models.content(model.digest), source=model.id)
            self._bundles[model.name] = model.digest, bundle
        return bundle

    def _heard(self, model: Model, bundle: Bundle) -> Sample:
        """Return what this version of the model heard of late; none is a sample too."""
        since = clock.now() - timedelta(seconds=self.asked.since_s)
        found, _ = samples_from_store(self.store.scan(Filter(model=model.id, since=since)), lambda _: bundle)
        nothing = reference_sample(bundle).subset(np.array([], np.intp))
        return found[model.id][1] if model.id in found else nothing

    def _retrained(self, name: str, found: Check) -> tuple[Retrained | None, str | None]:
        """Retrain where the verdict asks for it and there is enough to learn from; also say what went wrong."""
        if self.retrain is None or found.verdict.state != "alarm":
            return None, None
        n_labels = sum(len(batch) for batch in self.store.scan(Filter(model=name, labelled=True)))
        done = [d for d in self.store.decisions.latest(name) if d.outcome in ("promoted", "kept", "refused")]
        n_known = int(done[0].body.get("labels", {}).get("given", 0)) if done else 0
        if n_labels - n_known < self.asked.least_labels:
            return None, None
        try:
            retrained = self.retrain(name)
        except AuricleError as error:
            self.metrics.retrainings.labels(name, "failed").inc()
            self._tell("retraining", {"name": name, "outcome": "failed", "error": error.as_json()})
            return None, f"{name} could not be retrained: {error}"
        self.metrics.retrainings.labels(name, retrained.outcome).inc()
        return retrained, self._tell("retraining", {"name": name, **retrained.as_json()})

    def _tell(self, event: str, told: Mapping[str, Any]) -> str | None:
        problem = None if self.webhook is None else self.webhook.tell(event, told)
        if problem is not None:
            self.metrics.untold.inc()
        return problem


LIMIT = 3.0
"""Deviations beyond which a column counts no farther, so that one broken recording does not set the direction."""


def representatives(reference: Sample, window: Sample) -> dict[str, float]:
    """Return how far each recording has gone where the whole window went, by its id.

    Parameters
    ----------
    reference : what the model saw
    window : what it hears, at least one recording

    Returns
    -------
    deviations of the reference along the way from its mean to the window's
    """
    before = np.column_stack([reference.rows, reference.quality]).astype(np.float64)
    after = np.column_stack([window.rows, window.quality]).astype(np.float64)
    spread = before.std(axis=0)
    varied = spread > 0
    moved = np.clip((after[:, varied] - before[:, varied].mean(axis=0)) / spread[varied], -LIMIT, LIMIT)
    way = moved.mean(axis=0)
    length = float(np.linalg.norm(way))
    scores = moved @ way / length if length else np.zeros(len(moved))
    return dict(zip(window.ids.tolist(), scores.tolist(), strict=True))
