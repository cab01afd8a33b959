"""Retraining: recovery from drift, gates, failures that keep the champion, and resumption after a kill."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.errors import ConflictError, DataError, StoreError, UsageError
from auricle.features.embeddings.embedding import Embedding
from auricle.lifecycle.challenger import Challenger
from auricle.lifecycle.retrain import RetrainConfig, Retrained, retrain
from auricle.prediction.predictor import Predictor
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store
from auricle.training.train import train

First = tuple[Retrained, Bundle]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, first_retraining: First) -> list[int]:
    """Replace training by the stored challenger; return the number of labelled recordings of each call."""
    calls: list[int] = []

    def train(_: Challenger, learned: tuple[object, ...], **__: object) -> Bundle:
        calls.append(len(learned))
        return first_retraining[1]

    monkeypatch.setattr(Challenger, "train", train)
    return calls


def test_challenger_recovers_from_noise(first_retraining: First, champion: Predictor, logged: Any) -> None:
    found, bundle = first_retraining
    assert found.outcome == "kept"  # not promoted: "never"
    assert found.judgement is not None
    assert found.judgement.is_better
    assert f"It waits for `auricle models promote {bundle.id}`" in found.sentence
    hold_out, recent = found.judgement.scores
    assert hold_out.n_recordings == 64
    assert hold_out.champion - hold_out.challenger <= 0.02
    assert recent.challenger > recent.champion + 0.2
    assert found.labels["given"] == len(logged)
    assert found.labels["learned"] + found.labels["kept"] == len(logged)
    assert len(bundle.profile.hashes) == 64 + found.labels["learned"]
    assert bundle.manifest.spec == champion.bundle.manifest.spec


def test_held_out_recordings_are_not_trained_on(first_retraining: First, logged: Any) -> None:
    import hashlib

    known = {digest.tobytes() for digest in first_retraining[1].profile.hashes}
    kept = [one for one in logged if hashlib.sha256(one.flac).digest() not in known]
    assert len(kept) == first_retraining[0].labels["kept"]


@pytest.mark.usefixtures("trained")
def test_better_challenger_is_promoted_and_recorded(
    labelled_store: Store, pumps: Dataset, first_retraining: First, champion: Predictor
) -> None:
    found = retrain(labelled_store, pumps, RetrainConfig(who="ada"))
    assert (found.outcome, found.champion, found.challenger) == ("promoted", champion.name, first_retraining[1].id)
    assert labelled_store.models.champion().id == first_retraining[1].id
    assert labelled_store.aliases.digest("pumps", "challenger") is None
    (decision,) = labelled_store.decisions.latest("pumps")
    assert (decision.id, decision.outcome, decision.body["who"]) == (found.id, "promoted", "ada")
    assert decision.body["judgement"]["scores"][1]["where"] == "recent"
    assert decision.body["sentence"] == found.sentence
    assert labelled_store.aliases.changes("pumps")[-2].why == found.sentence
    assert labelled_store.aliases.rollback("pumps").after == labelled_store.models.find(champion.name).digest


def test_next_challenger_is_compared_with_the_promoted_model(
    labelled_store: Store, pumps: Dataset, trained: list[int], first_retraining: First
) -> None:
    retrain(labelled_store, pumps)
    found = retrain(labelled_store, pumps)
    assert trained == [first_retraining[0].labels["learned"]] * 2
    assert found.outcome == "kept"
    assert found.judgement is not None
    assert "no significant gain" in found.sentence
    assert found.judgement.scores[1].n_recordings == first_retraining[0].labels["kept"]  # still new to both


def test_without_labels_the_hold_out_decides(
    store: Store, pumps: Dataset, champion: Predictor, monkeypatch: Any
) -> None:
    monkeypatch.setattr(Challenger, "train", lambda self, _, **__: self.champion.bundle)
    found = retrain(store, pumps)
    assert found.outcome == "kept"
    assert found.judgement is not None
    assert [score.where for score in found.judgement.scores] == ["hold-out"]
    assert store.models.champion().id == champion.name


def test_challenger_uses_the_champions_embedding(
    pumps: Dataset, tiny_embedding: Embedding, make_labelled_store: Callable[[Bundle], Store]
) -> None:
    bundle = train(pumps, models="embedding", embeddings=[tiny_embedding], name="pumps", seed=0).bundle
    store = make_labelled_store(bundle)
    found = retrain(store, pumps, RetrainConfig(promote="never"))
    assert found.outcome == "kept"
    assert found.labels["learned"] > 0
    digest = store.aliases.digest("pumps", "challenger")
    assert digest is not None
    challenger = Bundle.from_bytes(store.models.content(digest))
    assert challenger.manifest.family == "embedding"
    for model in (bundle, challenger):
        read = [part for part in Predictor(model).pipeline.blocks if isinstance(part, Embedding)]
        assert [part.fingerprint() for part in read] == [tiny_embedding.fingerprint()]


def test_unusable_labels_are_refused_with_reason(
    store: Store, pumps: Dataset, logged: Any, champion: Predictor
) -> None:
    store.add([replace(one.entry, audio=None) for one in logged[:5]])
    store.feedback.add_all(FeedbackEntry(one.entry.id, label=one.label) for one in logged[:5])
    found = retrain(store, pumps)
    assert found.outcome == "refused"
    assert found.sentence == ("None of 5 labels can be used: 5 of which no sound was kept. Have the server keep sound.")
    assert store.decisions.latest()[0].outcome == "refused"
    assert store.models.champion().id == champion.name


def test_labels_of_one_key_are_refused(labelled_store: Store, pumps: Dataset, logged: Any) -> None:
    labelled_store.feedback.add_all(FeedbackEntry(one.entry.id, label=one.label, key="alone") for one in logged)
    found = retrain(labelled_store, pumps)
    assert found.outcome == "refused"
    assert "72 more than a fifth from one key. Labels of five keys, or of one that may promote" in found.sentence


@pytest.mark.usefixtures("trained")
def test_key_with_promote_scope_is_trusted(labelled_store: Store, pumps: Dataset, logged: Any) -> None:
    _, key = labelled_store.keys.create({"feedback", "promote"})
    labelled_store.feedback.add_all(FeedbackEntry(one.entry.id, label=one.label, key=key.id) for one in logged)
    assert retrain(labelled_store, pumps).outcome == "promoted"


def test_wrong_labels_do_not_replace_the_champion(
    labelled_store: Store, pumps: Dataset, logged: Any, champion: Predictor, rng: np.random.Generator
) -> None:
    """One key flips 30% of its labels; all others equal the champion's predictions, so there is nothing to gain."""
    labels = []
    for one in logged:
        predicted = one.entry.recording.label
        is_wrong = one.key == "ada" and rng.random() < 0.3
        labels.append(
            FeedbackEntry(
                one.entry.id,
                label=next(c for c in champion.classes if c != predicted) if is_wrong else predicted,
                key=one.key,
            )
        )
    labelled_store.feedback.add_all(labels)
    found = retrain(labelled_store, pumps)
    assert found.outcome == "kept"
    assert labelled_store.models.champion().id == champion.name


def test_failure_keeps_the_champion_and_is_recorded(
    labelled_store: Store, pumps: Dataset, champion: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Bundle:
        raise DataError("a recording went bad")

    monkeypatch.setattr(Challenger, "train", fail)
    with pytest.raises(DataError, match="went bad"):
        retrain(labelled_store, pumps)
    (decision,) = labelled_store.decisions.latest()
    assert (decision.outcome, decision.body["error"]) == ("failed", {"kind": "data", "message": "a recording went bad"})
    assert labelled_store.models.champion().id == champion.name
    assert labelled_store.leases.holder("retrain pumps") is None


def test_killed_retraining_resumes_with_its_challenger(
    labelled_store: Store, pumps: Dataset, trained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Challenger, "compare", _kill)
        killed.setattr("auricle.lifecycle.journal.Journal.__exit__", lambda *_: None)
        with pytest.raises(SystemExit):
            retrain(labelled_store, pumps)
    assert labelled_store.decisions.latest()[0].outcome == "begun"
    found = retrain(labelled_store, pumps)
    assert (found.outcome, len(trained)) == ("promoted", 1)
    now, before = labelled_store.decisions.latest()
    assert (now.outcome, before.outcome, before.body["sentence"]) == ("promoted", "failed", "It was killed on the way.")


def test_other_labels_train_another_challenger(
    labelled_store: Store, pumps: Dataset, trained: list[int], logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Challenger, "compare", _kill)
        with pytest.raises(SystemExit):
            retrain(labelled_store, pumps)
    assert labelled_store.decisions.latest()[0].body["error"]["kind"] == "interrupted"
    other = next(one.label for one in logged if one.label != logged[0].label)
    labelled_store.feedback.add(FeedbackEntry(logged[0].entry.id, label=other, key="ada"))
    retrain(labelled_store, pumps)
    assert len(trained) == 2


def test_concurrent_retraining_is_a_conflict(labelled_store: Store, pumps: Dataset) -> None:
    lease = labelled_store.leases.take("retrain pumps", holder="elsewhere:1")
    assert lease is not None
    with pytest.raises(
        ConflictError, match=r"A retraining of pumps must be done by one process .* elsewhere:1 is running it"
    ):
        retrain(labelled_store, pumps)
    assert labelled_store.decisions.latest() == ()


@pytest.mark.usefixtures("trained")
def test_changed_champion_is_not_replaced(
    labelled_store: Store, pumps: Dataset, champion: Predictor, add: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    third = replace(champion.bundle, manifest=champion.bundle.manifest.model_copy(update={"verdict": "another"}))
    judged = Challenger.compare

    def meanwhile(self: Challenger, *arguments: Any, **options: Any) -> Any:
        add(labelled_store, third)
        return judged(self, *arguments, **options)

    monkeypatch.setattr(Challenger, "compare", meanwhile)
    with pytest.raises(ConflictError, match="champion must still be"):
        retrain(labelled_store, pumps)
    assert labelled_store.models.champion().id == third.id
    assert labelled_store.decisions.latest()[0].outcome == "failed"


@pytest.mark.usefixtures("trained")
def test_lost_lease_promotes_nothing(
    labelled_store: Store, pumps: Dataset, champion: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise ConflictError("Another has taken over.")

    monkeypatch.setattr("auricle.lifecycle.lease.LeaseGuard.check", lost)
    with pytest.raises(ConflictError):
        retrain(labelled_store, pumps)
    assert labelled_store.models.champion().id == champion.name


def test_retraining_resumes_after_a_store_failure(
    labelled_store: Store, pumps: Dataset, trained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr("auricle.store.registry.aliases.Aliases.promote", away)
        with pytest.raises(StoreError):
            retrain(labelled_store, pumps)
    assert retrain(labelled_store, pumps).outcome == "promoted"
    assert len(trained) == 1


def test_invalid_settings_and_data_are_refused(store: Store, pumps: Dataset, machine_sounds: Any) -> None:
    with pytest.raises(UsageError, match="`half_life_days` must be above 0"):
        retrain(store, pumps, RetrainConfig(half_life_days=0))
    with pytest.raises(DataError, match=r"the data must be to classify.* It is regress"):
        retrain(store, Dataset.load(machine_sounds, target="rpm"))
    with pytest.raises(UsageError, match="`models` must be among"):
        retrain(store, pumps, RetrainConfig(models="oracle"))


def test_champion_of_own_estimator_needs_families(
    store: Store, pumps: Dataset, champion: Predictor, add: Callable[..., str]
) -> None:
    own = champion.bundle.manifest.model_copy(update={"family": "MyForest"})
    add(store, replace(champion.bundle, manifest=own))
    with pytest.raises(UsageError, match="The champion is a MyForest, which cannot be trained again by its name"):
        retrain(store, pumps)


def _kill(*_: object, **__: object) -> None:
    raise SystemExit


@pytest.mark.slow
@pytest.mark.parametrize(("every", "outcome"), [(2, "kept"), (6, "promoted")])
def test_wrong_labels_of_one_key_promote_no_worse_model(
    every: int, outcome: str, store: Store, pumps: Dataset, champion: Predictor, logged: tuple[Any, ...]
) -> None:
    rng, classes = np.random.default_rng(3), champion.classes
    with store.writer() as writer:
        for future in [writer.submit(one.entry, sound=one.flac) for one in logged]:
            future.result()
    labels = []
    for index, one in enumerate(logged):
        is_unreliable = index // 6 % every == 1  # of every so many half dozens; six keys label the others
        is_wrong = is_unreliable and rng.random() < 0.3
        wrong = classes[(classes.index(one.label) + int(rng.integers(1, len(classes)))) % len(classes)]
        labels.append(
            FeedbackEntry(
                one.entry.id, label=wrong if is_wrong else one.label, key="unreliable" if is_unreliable else one.key
            )
        )
    n_others = sum(one.key != "unreliable" for one in labels)
    assert n_others == len(labels) - len(labels) / every
    list(store.feedback.add_all(labels))
    found = retrain(store, pumps)
    assert found.labels["given"] == len(logged)
    assert found.labels["learned"] + found.labels["kept"] <= 1.25 * n_others  # a fifth from the unreliable key
    assert found.outcome == outcome
    digest = store.aliases.digest("pumps")
    assert digest is not None
    assert _accuracy(Bundle.from_bytes(store.models.content(digest)), logged) >= _accuracy(champion.bundle, logged)


def _accuracy(bundle: Bundle, logged: tuple[Any, ...]) -> float:
    predictor = Predictor(bundle)
    return float(np.mean([predictor.predict(read(one.flac)).label == one.label for one in logged]))
