from collections.abc import Callable

import pytest

from auricle.errors import MissingError, UsageError
from auricle.records import Entry
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.predictions.filters import Filter
from auricle.store.store import Store

Make = Callable[..., Entry]


def test_feedback_is_append_only(store: Store, make_entry: Make) -> None:
    added = make_entry()
    store.add([added])
    first = store.feedback.add(FeedbackEntry(added.id, "fine", key="abcd2345", who="ann", via="page"))
    second = store.feedback.add(FeedbackEntry(added.id, "worn", who="bob"))
    assert store.feedback.of([added.id, "none"]) == {added.id: (first, second)}
    assert first.time is not None
    assert first.as_json() == {
        "label": "fine",
        "who": "ann",
        "key": "abcd2345",
        "via": "page",
        "time": first.time.isoformat(timespec="seconds"),
    }
    assert [entry.id for entry in store.entries(Filter(labelled=True)).entries] == [added.id]


def test_invalid_labels_are_refused(store: Store, make_entry: Make) -> None:
    named = make_entry()
    number = make_entry(value=1.0, probabilities=None, label=None, confidence=None, labels=None)
    store.add([named, number])
    refused = {
        FeedbackEntry(named.id, "broken"): "A `label` must be one of fine, worn. Got 'broken'",
        FeedbackEntry(named.id, target=1.0): "predicts a class",
        FeedbackEntry(named.id, "fine", 1.0): "either a `label` or a `target`",
        FeedbackEntry(named.id): "either a `label` or a `target`",
        FeedbackEntry(number.id, "fine"): "predicts a number",
        FeedbackEntry(number.id, target=float("nan")): "a finite `target`",
    }
    for feedback, message in refused.items():
        with pytest.raises(UsageError, match=message):
            store.feedback.add(feedback)
    with pytest.raises(MissingError, match="Prediction 'nothing' is not in the store"):
        store.feedback.add(FeedbackEntry("nothing", "fine"))
    assert store.feedback.of([named.id, number.id]) == {}
    assert store.feedback.add(FeedbackEntry(number.id, target=2)).as_json()["target"] == 2


def test_add_all_stores_valid_labels_and_returns_errors(
    store: Store, make_entry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auricle.store.labels.feedback._BATCH_ENTRIES", 2)
    added = make_entry()
    store.add([added])
    outcomes = store.feedback.add_all(
        [FeedbackEntry("gone", "fine"), FeedbackEntry(added.id, "fine"), FeedbackEntry(added.id, "x")]
    )
    assert [type(outcome) for _, outcome in outcomes] == [MissingError, FeedbackEntry, UsageError]
    assert [feedback.label for feedback in store.feedback.of([added.id])[added.id]] == ["fine"]
