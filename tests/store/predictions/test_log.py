from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from auricle.errors import ConflictError, MissingError, UsageError
from auricle.records import Entry, Prediction
from auricle.runtime import clock
from auricle.store.predictions.filters import Filter
from auricle.store.store import Store
from auricle.store.tables import BLOBS, PREDICTIONS, TOMBSTONES

Make = Callable[..., Entry]


def identical(a: Entry, b: Entry) -> bool:
    arrays = [(a.standard, b.standard), (a.rows, b.rows)]
    return a == b and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in arrays)


def test_a_classification_round_trips(store: Store, make_entry: Make) -> None:
    stored = make_entry()
    store.add([stored])
    assert identical(store.entry(stored.id), stored)


def test_a_regression_round_trips(store: Store, make_entry: Make) -> None:
    answer = Prediction("recording", 0.0, 1.0, "m@1", value=1e-300, interval=(-0.1, 0.1), unknown=True)
    empty = np.zeros((0, 0), np.float32)
    stored = make_entry(predictions=(answer,), model="m@1", rows=empty, metadata={}, key="", group="", source="")
    store.add([stored])
    assert identical(store.entry(stored.id), stored)


def test_unstorable_text_is_escaped(store: Store, make_entry: Make) -> None:
    stored = make_entry(source="a\0b\ud800.wav", metadata={"name": "a\0b\ud800"})
    store.add([stored])
    found = store.entry(stored.id)
    assert found.source == r"a\x00b\ud800.wav"
    assert found.metadata == stored.metadata


@pytest.mark.parametrize("model", ["pump@north", "pump@north@31d1217b4dcb"])
def test_filter_by_a_model_name_with_an_at_sign(store: Store, make_entry: Make, model: str) -> None:
    stored = make_entry(model="pump@north@31d1217b4dcb")
    store.add([stored, make_entry(model="pump@south@31d1217b4dcb")])
    assert [one.id for one in store.entries(Filter(model=model)).entries] == [stored.id]


def test_add_is_all_or_nothing(store: Store, make_entry: Make) -> None:
    first, second = make_entry(), make_entry()
    store.add([first])
    with pytest.raises(ConflictError, match="Every entry must have an id of its own"):
        store.add([second, first])
    assert [entry.id for entry in store.entries().entries] == [first.id]
    store.add([])


def test_an_unknown_id_is_missing(store: Store) -> None:
    for call in (store.entry, store.sound, store.delete):
        with pytest.raises(MissingError, match="Prediction 'nothing' is not in the store"):
            call("nothing")


def test_pages_have_no_gaps_or_repeats(store: Store, make_entry: Make) -> None:
    stored = [make_entry() for _ in range(7)]
    store.add(stored)
    ids, cursor = [], None
    for size in (3, 3, 1):
        page = store.entries(cursor=cursor, limit=3)
        assert len(page.entries) == size
        ids += [entry.id for entry in page.entries]
        cursor = page.cursor
        store.add([make_entry()])  # what is added meanwhile shifts nothing
    assert cursor is None
    assert ids == [entry.id for entry in reversed(stored)]


def test_a_page_has_no_feature_rows_windows_and_events(store: Store, make_entry: Make) -> None:
    stored = make_entry()
    store.add([stored])
    (found,) = store.entries().entries
    assert len(stored.predictions) > 1
    assert found == replace(stored, predictions=stored.predictions[:1])
    assert np.array_equal(found.standard, stored.standard)
    assert found.rows.shape == (0, 0)


def test_cursors_survive_a_backward_clock_jump(store: Store, make_entry: Make) -> None:
    present = clock.now()
    stored = [make_entry(time=present - timedelta(days=days)) for days in (0, 400, 1, 800)]
    store.add(stored)
    first = store.entries(limit=2)
    rest = store.entries(cursor=first.cursor)
    assert [entry.id for entry in (*first.entries, *rest.entries)] == [entry.id for entry in reversed(stored)]


@pytest.mark.parametrize("cursor", ["", "x", "c2VxOi0x", "c2VxOjHCsg", "c2VxOjk5OTk5OTk5OTk5OTk5OTk5OTk5", "é" * 100])
def test_invalid_cursors_are_refused(store: Store, cursor: str) -> None:
    with pytest.raises(UsageError, match="`cursor` must be one that an earlier page gave"):
        store.entries(cursor=cursor)


def test_filters_select_entries(store: Store, make_entry: Make) -> None:
    present = clock.now()
    base = make_entry(time=present)
    old = make_entry(time=present - timedelta(days=8))
    other = make_entry(model="motor2@0123456789ab", key="other", group="south", label="fine", unknown=True)
    store.add([base, old, other])

    def found(**which: object) -> set[str]:
        return {entry.id for entry in store.entries(Filter(**which)).entries}

    assert found(since=present - timedelta(days=7)) == {base.id, other.id}
    assert found(until=present) == {old.id}
    assert found(model="motor") == {base.id, old.id}
    assert found(model="motor2@0123456789ab") == {other.id}
    assert found(model="mot%") == found(model="motor@") == set()
    assert found(label="fine") == found(key="other") == found(group="south") == found(unknown=True) == {other.id}
    assert found(unknown=False, since=present) == {base.id}
    assert found(labelled=True) == set()
    assert found(labelled=False) == {base.id, old.id, other.id}


def test_delete_leaves_a_tombstone(store: Store, make_entry: Make) -> None:
    first, second = make_entry(), make_entry()
    with store.writer() as writer:
        for entry in (first, second):
            writer.submit(entry, sound=b"fLaC the same").result()
    store.delete(first.id, who="abcd2345")
    with pytest.raises(MissingError, match=f"Prediction '{first.id}' was deleted"):
        store.entry(first.id)
    with pytest.raises(MissingError, match="was deleted"):
        store.delete(first.id)
    assert store.sound(second.id) == b"fLaC the same"  # another entry has the same sound
    store.delete(second.id)
    with store.database.read() as connection:
        assert connection.execute(sa.select(TOMBSTONES.c.id, TOMBSTONES.c.who)).all() == [
            (first.id, "abcd2345"),
            (second.id, ""),
        ]
        assert connection.execute(sa.select(BLOBS)).all() == []


def test_deleted_content_is_nowhere_in_the_file(tmp_path: Path, make_entry: Make) -> None:
    with Store.open(str(tmp_path / "store.db")) as store:
        with store.writer() as writer:
            kept = writer.submit(make_entry(source="secret.wav"), sound=b"fLaC" + b"a voice" * 2000).result()
        store.delete(kept.id)
        everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"a voice" not in everything
    assert b"secret.wav" not in everything


def test_a_sound_that_was_not_kept_is_missing(store: Store, make_entry: Make) -> None:
    stored = make_entry()
    store.add([stored])
    with pytest.raises(MissingError, match=f"The sound of prediction {stored.id} was not kept"):
        store.sound(stored.id)


def test_quality_with_missing_measures_is_none(store: Store, make_entry: Make) -> None:
    stored = make_entry()
    store.add([stored])
    with store.database.write() as connection:
        connection.execute(sa.update(PREDICTIONS).values(quality='{"level_db": -20.0}'))
    assert store.entry(stored.id).recording.quality is None
    assert store.entry(stored.id).predictions[1].quality == stored.predictions[1].quality


def test_add_missing_skips_stored_and_deleted_entries(store: Store, make_entry: Make) -> None:
    first, second, third = make_entry(), make_entry(), make_entry()
    store.add([first, second])
    store.delete(second.id, who="test")
    store.add_missing([first, second, third])
    store.add_missing([third])
    store.add_missing([])
    assert {entry.id for entry in store.entries().entries} == {first.id, third.id}
