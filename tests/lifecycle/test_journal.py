"""Journal of a retraining: recorded outcomes, resumption with the stored challenger, and conditional promotion."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auricle.bundles.bundle import Bundle
from auricle.errors import DataError, StoreError
from auricle.lifecycle.journal import Journal, fingerprint
from auricle.lifecycle.retrain import Retrained
from auricle.prediction.predictor import Predictor
from auricle.store.store import Store


def test_fingerprint_depends_on_every_input() -> None:
    array = np.arange(3)
    assert fingerprint(array, b"x", 1.5) == fingerprint(array.copy(), b"x", 1.5)
    assert len({fingerprint(array, "a"), fingerprint(array + 1, "a"), fingerprint(array, "b"), fingerprint("a")}) == 4
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


def test_outcome_is_recorded_with_its_details(store: Store) -> None:
    with Journal(store, store.models.champion(), "inputs", {"who": "ada"}) as journal:
        assert store.decisions.latest()[0].outcome == "begun"
        journal.finish("kept", {"sentence": "The champion stays."})
    (decision,) = store.decisions.latest()
    assert decision.outcome == "kept"
    assert (decision.body["who"], decision.body["sentence"]) == ("ada", "The champion stays.")


def test_exception_is_recorded_as_a_failure(store: Store) -> None:
    with pytest.raises(DataError), Journal(store, store.models.champion(), "inputs", {}):
        raise DataError("a recording went bad")
    (decision,) = store.decisions.latest()
    assert (decision.outcome, decision.body["error"]["kind"]) == ("failed", "data")


def test_failed_retraining_of_equal_inputs_resumes_with_its_challenger(
    store: Store, first_retraining: tuple[Retrained, Bundle]
) -> None:
    champion, challenger = store.models.champion(), first_retraining[1]

    def interrupted() -> None:
        with Journal(store, champion, "inputs", {}) as journal:
            assert journal.stored_challenger() is None
            journal.store_challenger(challenger)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with Journal(store, champion, "inputs", {}) as journal:
        resumed = journal.stored_challenger()
        assert resumed is not None
        assert resumed.id == challenger.id
        journal.promote("better", {"sentence": "better"})
    assert store.models.champion().id == challenger.id
    with Journal(store, store.models.champion(), "other inputs", {}) as journal:
        assert journal.stored_challenger() is None
        journal.finish("kept", {})


@pytest.mark.parametrize("broken", ["aliases", "record"])
def test_promotion_and_its_record_are_both_there_or_neither(
    store: Store, first_retraining: tuple[Retrained, Bundle], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """A kill anywhere is a transaction that never commits, as is an error in its last statement."""
    champion = store.models.champion()

    def fail(*_: object, **__: object) -> None:
        raise StoreError("killed")

    if broken == "record":
        monkeypatch.setattr(store.decisions, "finish_in", fail)
    else:
        monkeypatch.setattr("auricle.store.registry.aliases._set_alias", fail)

    def promote() -> None:
        with Journal(store, champion, "inputs", {}) as journal:
            journal.store_challenger(first_retraining[1])
            journal.promote("better", {})

    with pytest.raises(StoreError, match="killed"):
        promote()
    assert store.models.champion().id == champion.id
    assert store.decisions.latest()[0].outcome != "promoted"
    monkeypatch.undo()
    promote()
    assert store.models.champion().id == first_retraining[1].id
    assert [decision.outcome for decision in store.decisions.latest()] == ["promoted", "failed"]


KILLED = """
import os, signal, sys
from auricle.bundles.bundle import Bundle
from auricle.lifecycle.journal import Journal
from auricle.store.store import Store

with Store.open(sys.argv[1]) as store:
    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)
    store.decisions.finish_in = die
    with Journal(store, store.models.champion(), "inputs", {}) as journal:
        journal.store_challenger(Bundle.load(sys.argv[2]))
        journal.promote("better", {})
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_kill_between_the_promotion_and_its_record_leaves_neither(
    kind: str,
    request: pytest.FixtureRequest,
    champion: Predictor,
    first_retraining: tuple[Retrained, Bundle],
    add: Callable[[Store, Bundle], str],
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'k.db'}" if kind == "sqlite" else request.getfixturevalue("postgresql_database")
    first_retraining[1].save(tmp_path / "challenger.auricle")
    with Store.open(url) as store:
        add(store, champion.bundle)
        before = store.models.champion().id
    ran = subprocess.run([sys.executable, "-c", KILLED, url, str(tmp_path / "challenger.auricle")], check=False)
    assert ran.returncode == -signal.SIGKILL
    with Store.open(url) as store:
        assert store.models.champion().id == before
        assert store.decisions.latest()[0].outcome == "begun"
