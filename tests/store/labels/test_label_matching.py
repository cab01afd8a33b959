from collections.abc import Callable

import numpy as np
import pytest

from auricle.errors import AuricleError, MissingError, UsageError
from auricle.records import Entry
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.labels.label_matching import TimedLabel, match_labels
from auricle.store.store import Store

Make = Callable[..., Entry]


def matches(store: Store, name: str, *marks: TimedLabel) -> list[FeedbackEntry | AuricleError]:
    return [feedback for _, feedback in match_labels(store.database, name, marks, who="ann")]


def test_a_label_applies_to_predictions_that_it_mostly_covers(store: Store, make_entry: Make) -> None:
    cuts = [make_entry(source="day.flac", start_s=60.0 * i, end_s=60.0 * (i + 1)) for i in range(3)]
    store.add([*cuts, make_entry(source="yesterday.flac"), make_entry(source="day.flac.wav")])
    feedback = matches(store, "day", TimedLabel(20.0, 121.0, "worn"))
    assert feedback == [FeedbackEntry(cut.id, "worn", who="ann", via="audacity") for cut in cuts[:2]]


@pytest.mark.parametrize("source", ["engine.wav", "north/engine.wav", "C:\\sounds\\engine.flac", "engine"])
def test_recordings_match_by_file_stem(store: Store, make_entry: Make, source: str) -> None:
    added = make_entry(source=source)
    store.add([added])
    assert matches(store, "engine", TimedLabel(0.0, 1.5, "worn")) == [
        FeedbackEntry(added.id, "worn", who="ann", via="audacity")
    ]
    (missing,) = matches(store, "engin%", TimedLabel(0.0, 1.5, "worn"))
    assert isinstance(missing, MissingError)


def test_equal_sounds_are_labelled_together(store: Store, make_entry: Make) -> None:
    added = [make_entry(standard=np.ones(5, np.float32)) for _ in range(2)]
    store.add(added)
    assert len(matches(store, "engine", TimedLabel(0.0, 1.5, "worn"))) == 2


def test_an_ambiguous_name_is_an_error(store: Store, make_entry: Make) -> None:
    store.add([make_entry(), make_entry()])
    (refused,) = matches(store, "engine", TimedLabel(0.0, 1.5, "worn"))
    assert isinstance(refused, UsageError)
    assert str(refused) == "2 different recordings are called 'engine'. Import labels by the prediction's id."


def test_labels_of_a_regressor_are_numbers(store: Store, make_entry: Make) -> None:
    added = make_entry(value=1.0, probabilities=None, label=None, confidence=None, labels=None)
    store.add([added])
    good, bad = matches(store, "engine", TimedLabel(0.0, 1.5, "2.5"), TimedLabel(0.0, 1.5, "fast"))
    assert good == FeedbackEntry(added.id, target=2.5, who="ann", via="audacity")
    assert isinstance(bad, UsageError)
