from collections.abc import Callable

import numpy as np
import pytest

from auricle.errors import AuricleError, MissingError, UsageError
from auricle.records import Entry
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.labels.label_matching import TimedLabel, match_labels
from auricle.store.store import Store

Make = Callable[..., Entry]


def found(store: Store, name: str, *marks: TimedLabel) -> list[FeedbackEntry | AuricleError]:
    return [said for _, said in match_labels(store.database, name, marks, who="ann")]


def test_a_mark_labels_what_it_covers_for_the_most_part(store: Store, make_entry: Make) -> None:
    cuts = [make_entry(source="day.flac", start_s=60.0 * i, end_s=60.0 * (i + 1)) for i in range(3)]
    store.add([*cuts, make_entry(source="yesterday.flac"), make_entry(source="day.flac.wav")])
    said = found(store, "day", TimedLabel(20.0, 121.0, "worn"))
    assert said == [FeedbackEntry(cut.id, "worn", who="ann", via="audacity") for cut in cuts[:2]]


@pytest.mark.parametrize("source", ["engine.wav", "north/engine.wav", "C:\\sounds\\engine.flac", "engine"])
def test_a_name_is_what_stands_between_folders_and_suffix(store: Store, make_entry: Make, source: str) -> None:
    added = make_entry(source=source)
    store.add([added])
    assert found(store, "engine", TimedLabel(0.0, 1.5, "worn")) == [
        FeedbackEntry(added.id, "worn", who="ann", via="audacity")
    ]
    (missing,) = found(store, "engin%", TimedLabel(0.0, 1.5, "worn"))
    assert isinstance(missing, MissingError)


def test_a_sound_that_was_sent_twice_is_labelled_twice(store: Store, make_entry: Make) -> None:
    added = [make_entry(standard=np.ones(5, np.float32)) for _ in range(2)]
    store.add(added)
    assert len(found(store, "engine", TimedLabel(0.0, 1.5, "worn"))) == 2


def test_a_name_of_two_sounds_tells_neither(store: Store, make_entry: Make) -> None:
    store.add([make_entry(), make_entry()])
    (refused,) = found(store, "engine", TimedLabel(0.0, 1.5, "worn"))
    assert isinstance(refused, UsageError)
    assert str(refused) == "2 different recordings are called 'engine'. Import labels by the prediction's id."


def test_a_number_is_read_from_its_label(store: Store, make_entry: Make) -> None:
    added = make_entry(value=1.0, probabilities=None, label=None, confidence=None, labels=None)
    store.add([added])
    good, bad = found(store, "engine", TimedLabel(0.0, 1.5, "2.5"), TimedLabel(0.0, 1.5, "fast"))
    assert good == FeedbackEntry(added.id, target=2.5, who="ann", via="audacity")
    assert isinstance(bad, UsageError)
