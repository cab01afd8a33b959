"""Watch: stored checks, persistent alarms, retraining on labels, and the loop of several processes."""

import threading
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.errors import ConflictError, DataError, StoreError, UsageError
from auricle.lifecycle.challenger import Challenger
from auricle.lifecycle.retrain import RetrainConfig, Retrained, retrain
from auricle.lifecycle.watch import Watch, WatchConfig, WatchResult, representatives
from auricle.monitoring.sources.sample import Sample, reference_sample
from auricle.monitoring.verdict import ONCE, Persistence
from auricle.prediction.predictor import Predictor
from auricle.runtime import clock
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store


class WebhookRecorder:
    """A webhook that records its events."""

    def __init__(self, problem: str | None = None) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self._problem = problem

    def send(self, event: str, payload: Mapping[str, Any]) -> str | None:
        self.events.append((event, payload))
        return self._problem


@pytest.fixture
def retrain_labelled_store(
    labelled_store: Store, pumps: Dataset, first_retraining: tuple[Retrained, Bundle], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Retrained]:
    monkeypatch.setattr(Challenger, "train", lambda *_, **__: first_retraining[1])
    return lambda name: retrain(labelled_store, pumps, RetrainConfig(name=name))


def watch_of(store: Store, **options: Any) -> Watch:
    config = WatchConfig(persistence=options.pop("persistence", ONCE), **options.pop("config", {}))
    return Watch(store, config, **options)


def test_noise_is_an_alarm_and_is_stored(labelled_store: Store, champion: Predictor) -> None:
    (found,) = watch_of(labelled_store).run_once()
    assert found.check.verdict.state == "alarm"
    assert "Accuracy is" in found.check.verdict.sentence
    (kept,) = labelled_store.checks.latest()
    assert (kept.model, kept.verdict, kept.body["recordings"]) == (champion.name, "alarm", 72)
    assert kept.body["verdict"] == "alarm"


def test_representatives_are_marked_for_labelling(labelled_store: Store) -> None:
    watch_of(labelled_store).run_once()
    with labelled_store.database.read() as connection:
        import sqlalchemy as sa

        from auricle.store.tables import TYPICAL

        assert connection.execute(sa.select(sa.func.count()).select_from(TYPICAL)).scalar_one() == 72


def test_no_recordings_is_never_ok(store: Store) -> None:
    (found,) = watch_of(store).run_once()
    assert found.check.verdict.state == "watch"
    assert "0 of" in found.check.verdict.sentence


def test_alarm_needs_persistence(labelled_store: Store) -> None:
    webhook = WebhookRecorder()
    watch = watch_of(labelled_store, persistence=Persistence(2, 3), webhook=webhook)
    assert [one.check.verdict.state for _ in range(3) for one in watch.run_once()] == ["watch", "alarm", "alarm"]
    assert [event for event, _ in webhook.events] == ["check"]  # once, when it became one
    assert webhook.events[0][1]["was"] == "watch"


def test_old_recordings_are_ignored(labelled_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.now() + timedelta(days=9)
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: later)
        (found,) = watch_of(labelled_store).run_once()
    assert found.check.n == 0


def test_other_version_is_checked_separately(
    labelled_store: Store, champion: Predictor, add: Callable[..., str]
) -> None:
    add(
        labelled_store,
        replace(champion.bundle, manifest=champion.bundle.manifest.model_copy(update={"verdict": "new"})),
    )
    (found,) = watch_of(labelled_store).run_once()
    assert (found.check.n, found.check.verdict.state) == (0, "watch")


def test_alarm_with_labels_retrains_and_checks_the_new_champion(
    labelled_store: Store,
    retrain_labelled_store: Callable[[str], Retrained],
    first_retraining: tuple[Retrained, Bundle],
) -> None:
    webhook = WebhookRecorder()
    watch = watch_of(labelled_store, retrain=retrain_labelled_store, webhook=webhook)
    (found,) = watch.run_once()
    assert found.retrained is not None
    assert found.retrained.outcome == "promoted"
    assert [event for event, _ in webhook.events] == ["check", "retraining"]
    assert webhook.events[1][1]["outcome"] == "promoted"
    (then,) = watch.run_once()
    assert then.check.model == first_retraining[1].id
    assert then.retrained is None
    assert then.as_json()["retrained"] is None


def test_same_labels_are_not_retrained_on_twice(
    labelled_store: Store, retrain_labelled_store: Callable[[str], Retrained]
) -> None:
    done: list[str] = []

    def kept(name: str) -> Retrained:
        done.append(name)
        return replace(retrain_labelled_store(name), outcome="kept")

    watch = watch_of(labelled_store, retrain=kept)
    watch.run_once()
    labelled_store.aliases.rollback("pumps")
    watch.run_once()
    assert done == ["pumps"]


def test_labels_that_expired_do_not_count_against_new_ones(labelled_store: Store, logged: Any) -> None:
    """Retention deletes old predictions; the labels given since the last decision are as new as before."""
    watch = watch_of(labelled_store, retrain=lambda _: None)
    n_given = watch._n_new_labels("pumps")
    assert n_given == len(logged)
    identity = labelled_store.decisions.begin("pumps", {"labels_read_at": clock.now().isoformat()})
    labelled_store.decisions.finish(identity, "kept", {**labelled_store.decisions.latest()[0].body, "labels": {}})
    assert watch._n_new_labels("pumps") == 0
    ids = [one.entry.id for one in logged]
    for expired in ids[: len(ids) // 2]:
        labelled_store.delete(expired)
    for relabelled in ids[len(ids) // 2 :][:7]:
        labelled_store.feedback.add_all([FeedbackEntry(relabelled, label="healthy", key="ada")])
    assert watch._n_new_labels("pumps") == 7


@pytest.mark.parametrize("least", [72, 73])
def test_retraining_waits_for_enough_labels(
    labelled_store: Store, retrain_labelled_store: Callable[[str], Retrained], least: int
) -> None:
    (found,) = watch_of(labelled_store, retrain=retrain_labelled_store, config={"least_labels": least}).run_once()
    assert (found.retrained is not None) == (least == 72)


def test_failed_retraining_is_reported_and_the_watch_goes_on(labelled_store: Store) -> None:
    def fail(_: str) -> Retrained:
        raise DataError("a recording went bad")

    webhook = WebhookRecorder("unreachable")
    watch = watch_of(labelled_store, retrain=fail, webhook=webhook)
    (found,) = watch.run_once()
    assert found.retrained is None
    assert found.problems == ("unreachable", "pumps could not be retrained: a recording went bad")
    assert webhook.events[1][1]["outcome"] == "failed"
    assert watch.run_once()


def test_metrics_are_served(labelled_store: Store, retrain_labelled_store: Callable[[str], Retrained]) -> None:
    watch = watch_of(labelled_store, retrain=retrain_labelled_store)
    server, thread = watch.metrics.serve(0)
    try:
        watch.run_once()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert 'auricle_check_verdict{name="pumps"} 2.0' in text
    assert 'auricle_check_recordings{name="pumps"} 72.0' in text
    assert 'auricle_retrainings_total{name="pumps",outcome="promoted"} 1.0' in text
    assert "auricle_check_measured_score" in text


def run(watch: Watch, rounds: int, *, every_s: float = 0.01) -> tuple[list[WatchResult], list[str]]:
    """Let a watch run for some rounds."""
    stop, found, messages = threading.Event(), [], []

    def on_result(one: WatchResult) -> None:
        found.append(one)
        if len(found) >= rounds:
            stop.set()

    def on_message(text: str) -> None:
        messages.append(text)
        if len(messages) >= rounds:
            stop.set()

    watch.run(every_s=every_s, stop=stop, on_result=on_result, on_message=on_message)
    return found, messages


def test_watch_runs_until_stopped(store: Store) -> None:
    found, messages = run(watch_of(store), 3)
    assert (len(found), messages) == (3, [])
    assert store.leases.holder("watch") is None
    assert len(store.checks.latest(limit=9)) == 3


def test_second_watch_waits_for_the_first(store: Store) -> None:
    lease = store.leases.take("watch", holder="elsewhere:1")
    assert lease is not None
    with pytest.raises(ConflictError, match="elsewhere:1 is running it"):
        watch_of(store).run_once()
    threading.Timer(0.3, store.leases.release, [lease]).start()
    stop, messages = threading.Event(), []
    watch = watch_of(store)
    watch.run(every_s=0.05, stop=stop, on_result=lambda _: stop.set(), on_message=messages.append)
    assert len(messages) == 1
    assert "This process waits until it ends." in messages[0]
    assert len(store.checks.latest(limit=9)) == 1


def test_unavailable_store_is_reported_and_retried(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, real, tries = watch_of(store), Watch.check_model, []

    def away(self: Watch, model: Any) -> WatchResult:
        tries.append(model)
        if len(tries) == 1:
            raise StoreError("the store is away")
        return real(self, model)

    monkeypatch.setattr(Watch, "check_model", away)
    stop, messages = threading.Event(), []
    watch.run(every_s=0.01, stop=stop, on_result=lambda _: stop.set(), on_message=messages.append)
    assert len(messages) == 1
    assert "could not be checked: the store is away" in messages[0]


def test_watch_waits_for_a_champion(tmp_path: Any) -> None:
    with Store.open(str(tmp_path / "empty.db")) as store:
        assert watch_of(store).run_once() == ()
        _, messages = run(watch_of(store), 2)
    assert messages == ["No model in the store has a champion yet."] * 2


def test_unknown_by_column_is_refused(labelled_store: Store) -> None:
    with pytest.raises(UsageError, match="`by` must name a column"):
        watch_of(labelled_store, config={"by": "site"}).run_once()


def moved(sample: Sample, amounts: np.ndarray) -> Sample:
    spread = sample.rows.std(axis=0)
    return replace(sample, rows=(sample.rows + np.outer(amounts, spread)).astype(np.float32))


def test_representatives_score_by_shift(champion: Predictor) -> None:
    reference = reference_sample(champion.bundle)
    amounts = np.linspace(0.0, 3.0, len(reference))
    scores = representatives(reference, moved(reference, amounts))
    found = np.array([scores[identity] for identity in reference.ids.tolist()])
    assert np.corrcoef(found, amounts)[0, 1] > 0.8


def test_broken_recording_does_not_set_the_direction(champion: Predictor) -> None:
    reference = reference_sample(champion.bundle)
    amounts = np.full(len(reference), 1.0)
    window = moved(reference, amounts)
    window.rows[0] = -1e6
    scores = list(representatives(reference, window).values())
    assert scores[0] < np.median(scores)


def test_no_shift_gives_finite_scores(champion: Predictor) -> None:
    reference = reference_sample(champion.bundle)
    same = replace(reference, rows=np.repeat(reference.rows.mean(axis=0, keepdims=True), len(reference), axis=0))
    assert all(np.isfinite(score) for score in representatives(reference, same).values())


def test_watch_and_retraining_on_postgresql(
    postgresql_database: str,
    pumps: Dataset,
    champion: Predictor,
    log: Callable[[Store], None],
    add: Callable[[Store, Bundle], str],
    first_retraining: tuple[Retrained, Bundle],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Challenger, "train", lambda *_, **__: first_retraining[1])
    with Store.open(postgresql_database) as store:
        add(store, champion.bundle)
        log(store)
        watch = watch_of(store, retrain=lambda name: retrain(store, pumps, RetrainConfig(name=name)))
        (found,) = watch.run_once()
        assert found.check.verdict.state == "alarm"
        assert found.retrained is not None
        assert found.retrained.outcome == "promoted"
        assert store.models.champion().id == first_retraining[1].id
        (stored,) = store.checks.latest()
        assert stored.verdict == "alarm"
        (decision,) = store.decisions.latest("pumps")
        assert decision.outcome == "promoted"
        (then,) = watch.run_once()
        assert then.check.model == first_retraining[1].id
