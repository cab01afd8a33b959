from collections.abc import Callable

import pytest

from auricle.records import Entry
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.labels.review import is_review_candidate, mark_representatives
from auricle.store.predictions.filters import Filter
from auricle.store.store import Store

Make = Callable[..., Entry]

ODD, SAMPLED = "0192f000-0000-7000-8000-000000000001", "0192f000-0000-7000-8000-000000000014"


def test_review_alternates_reasons_without_duplicates(store: Store, make_entry: Make) -> None:
    doubtful, strange, both, plain = added = [
        make_entry(confidence=0.55, novelty=0.1),
        make_entry(confidence=0.99, novelty=0.9),
        make_entry(confidence=0.5, novelty=1.4),
        make_entry(confidence=0.98, novelty=0.2),
    ]
    store.add(added)
    assert [(candidate.entry.id, candidate.reason) for candidate in store.review(limit=3)] == [
        (both.id, "novel"),
        (strange.id, "novel"),
        (doubtful.id, "uncertain"),
    ]
    mark_representatives(store.database, plain.model, {plain.id: 0.8, "gone": 1.0})
    first = store.review()[0]
    assert (first.entry.id, first.reason, first.score) == (plain.id, "typical", 0.8)
    mark_representatives(store.database, plain.model, {doubtful.id: 0.7})
    assert store.review()[0].entry.id == doubtful.id
    assert len(store.review()) == 4


def test_review_skips_labelled_entries(store: Store, make_entry: Make) -> None:
    added = [make_entry(), make_entry(group="south")]
    store.add(added)
    store.feedback.add(FeedbackEntry(added[0].id, "fine"))
    assert [candidate.entry.id for candidate in store.review()] == [added[1].id]
    assert store.review(Filter(group="site")) == ()


def test_regressions_are_reviewed_by_novelty(store: Store, make_entry: Make) -> None:
    number = {"probabilities": None, "confidence": None, "label": None, "labels": None}
    added = [make_entry(value=1.0, novelty=novelty, **number) for novelty in (0.1, 0.9)]
    store.add(added)
    assert [(candidate.entry.id, candidate.reason) for candidate in store.review()] == [
        (added[1].id, "novel"),
        (added[0].id, "novel"),
    ]


@pytest.mark.parametrize(
    "doubt",
    [{"labels": ("worn", "fine")}, {"labels": ()}, {"unknown": True}, {"labels": None, "confidence": 0.4}],
)
def test_uncertain_and_unknown_predictions_are_review_candidates(make_entry: Make, doubt: dict[str, object]) -> None:
    assert is_review_candidate(make_entry(**{"id": ODD, "labels": ("worn",)} | doubt))


@pytest.mark.parametrize("sure", [{}, {"labels": None, "confidence": 0.9}, {"labels": None, "confidence": None}])
def test_certain_predictions_are_not_review_candidates_unless_sampled(
    make_entry: Make, sure: dict[str, object]
) -> None:
    changes = {"labels": ("worn",)} | sure
    assert not is_review_candidate(make_entry(id=ODD, **changes))
    assert is_review_candidate(make_entry(id=SAMPLED, **changes))  # one in twenty


def test_one_entry_in_twenty_is_a_review_candidate(make_entry: Make) -> None:
    kept = sum(is_review_candidate(make_entry(labels=("worn",))) for _ in range(2000))
    assert 50 < kept < 160  # one in twenty
