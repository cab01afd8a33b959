from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest

from auricle.records import Entry, Prediction, Quality
from auricle.runtime import clock
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.predictions.filters import Filter
from auricle.store.predictions.scan import MEASURES, Batch, scan
from auricle.store.store import Store

Make = Callable[..., Entry]


def test_scan_of_a_classifier(store: Store, make_entry: Make) -> None:
    added = [make_entry(group=name, confidence=0.5 + i / 10) for i, name in enumerate("abc")]
    store.add(added)
    store.feedback.add(FeedbackEntry(added[1].id, "fine"))
    store.feedback.add(FeedbackEntry(added[1].id, "worn", key="abcd2345", who="ann", via="page"))
    (batch,) = store.scan(with_rows=True)
    assert len(batch) == 3
    assert batch.model == "motor@0123456789ab"
    assert batch.classes == ("worn", "fine")
    assert batch.ids.tolist() == [entry.id for entry in added]
    assert batch.groups.tolist() == list("abc")
    assert batch.times.astype("datetime64[us]").tolist() == [entry.time.replace(tzinfo=None) for entry in added]
    assert batch.durations_s.tolist() == [1.5] * 3
    assert batch.confidences.tolist() == [0.5, 0.6, 0.7]
    assert batch.probabilities.tolist() == [[0.7, 0.30000000000000004]] * 3
    assert batch.labels.tolist() == ["worn"] * 3
    assert np.isnan(batch.values).all()
    assert np.array_equal(batch.standard, np.stack([entry.standard for entry in added]))
    assert batch.standard.dtype == np.float32
    assert batch.quality[:, MEASURES.index("level_db")].tolist() == [-20.125] * 3
    assert batch.metadata[0] == added[0].metadata
    assert batch.truth.tolist() == [None, "worn", None]
    assert np.isnat(batch.truth_times).tolist() == [True, False, True]
    assert batch.truth_keys.tolist() == ["", "abcd2345", ""]
    assert batch.truth_by.tolist() == ["", "ann", ""]
    assert batch.truth_via.tolist() == ["", "page", ""]
    assert batch.rows is not None
    assert all(np.array_equal(rows, entry.rows) for rows, entry in zip(batch.rows, added, strict=True))


def test_scan_of_a_regressor(store: Store, make_entry: Make) -> None:
    answer = Prediction("recording", 0.0, 1.0, "m@1", value=3.5)
    added = [make_entry(predictions=(replace(answer, value=value),), model="m@1") for value in (1.0, 2.0)]
    store.add(added)
    store.feedback.add(FeedbackEntry(added[0].id, target=1.25))
    (batch,) = store.scan()
    assert batch.classes == ()
    assert batch.probabilities.shape == (2, 0)
    assert batch.values.tolist() == [1.0, 2.0]
    assert batch.truth[0] == 1.25
    assert np.isnan(batch.truth[1])
    assert np.isnan(batch.quality).all()
    assert batch.quality.shape == (2, len(fields(Quality)))
    assert batch.rows is None


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_each_entry_is_in_one_batch_of_its_model(store: Store, make_entry: Make, size: int) -> None:
    added = [make_entry(model=f"m@{i % 2}", standard=np.ones(3 + i % 2, np.float32)) for i in range(7)]
    store.add(added)
    batches = list(scan(store.database, Filter(), batch=size))
    assert all(len(batch) <= size for batch in batches)
    seen = [(identity, batch.model) for batch in batches for identity in batch.ids]
    assert sorted(seen) == sorted((entry.id, entry.model) for entry in added)


def test_scan_applies_filters(store: Store, make_entry: Make) -> None:
    present = clock.now()
    added = [make_entry(time=present - timedelta(days=days)) for days in (9, 1, 400, 2)]
    store.add(added)
    found = [identity for batch in store.scan(Filter(since=present - timedelta(days=7))) for identity in batch.ids]
    assert found == [added[1].id, added[3].id]
    assert list(store.scan(Filter(model="none"))) == []


def test_scan_tolerates_concurrent_deletes_and_adds(store: Store, make_entry: Make) -> None:
    added = [make_entry() for _ in range(4)]
    store.add(added)
    batches = scan(store.database, Filter(), batch=2)
    first: Batch = next(batches)
    store.delete(added[2].id)
    store.add([make_entry()])
    rest = [identity for batch in batches for identity in batch.ids]
    assert [*first.ids, *rest] == [added[0].id, added[1].id, added[3].id]
