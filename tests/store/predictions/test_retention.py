from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from auricle.errors import MissingError
from auricle.records import Entry
from auricle.runtime import clock
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.predictions import retention
from auricle.store.predictions.retention import RetentionPolicy, SweepResult, size_bytes
from auricle.store.store import Store

Make = Callable[..., Entry]
DAY_S = 86_400.0


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH_ENTRIES", 20)


def fill(store: Store, make_entry: Make, n: int, *, days: float = 0.0, sound: bytes = b"") -> list[Entry]:
    time = clock.now() - timedelta(days=days)
    with store.writer() as writer:
        futures = [writer.submit(make_entry(time=time), sound=(sound + b"%d" % i) or None) for i in range(n)]
    return [future.result() for future in futures]


def ids(store: Store) -> set[str]:
    return {entry.id for entry in store.entries(limit=1000).entries}


def test_sweep_by_age_deletes_entries_with_feedback_and_sounds(store: Store, make_entry: Make) -> None:
    old, new = fill(store, make_entry, 45, days=91), fill(store, make_entry, 3, days=89)
    store.feedback.add(FeedbackEntry(old[0].id, "fine"))
    assert store.sweep(RetentionPolicy(age_s=90 * DAY_S)) == SweepResult(n_entries=45)
    assert ids(store) == {entry.id for entry in new}
    assert store.sound(new[2].id) == b"2"
    assert store.feedback.of([old[0].id]) == {}
    assert store.sweep(RetentionPolicy(age_s=90 * DAY_S)) == SweepResult()


def test_sweep_by_size_deletes_oldest_sounds_then_entries(store: Store, make_entry: Make) -> None:
    kept = fill(store, make_entry, 30, sound=bytes(1000))
    whole = size_bytes(store.database)
    swept = store.sweep(RetentionPolicy(size_bytes=whole - 10_000))
    assert swept == SweepResult(n_sounds=10)
    assert ids(store) == {entry.id for entry in kept}
    with pytest.raises(MissingError, match="was not kept"):
        store.sound(kept[9].id)
    assert store.sound(kept[10].id)
    swept = store.sweep(RetentionPolicy(size_bytes=(whole - 30_000) // 2))
    assert swept == SweepResult(n_sounds=20, n_entries=20)
    assert ids(store) == {entry.id for entry in kept[20:]}


def test_sweep_ignores_models(store: Store) -> None:
    model = store.models.add(bytes(10_000), name="m", version="1", task="classify")
    assert size_bytes(store.database) == 0
    assert store.sweep(RetentionPolicy(size_bytes=0, age_s=0.0)) == SweepResult()
    assert store.models.content(model.digest) == bytes(10_000)


def test_one_process_sweeps_at_a_time(store: Store) -> None:
    lease = store.leases.take("sweep")
    assert lease is not None
    assert store.sweep(RetentionPolicy()) is None
    store.leases.release(lease)
    assert store.sweep(RetentionPolicy()) == SweepResult()


def test_sweep_shrinks_the_file(tmp_path: Path, make_entry: Make) -> None:
    path = tmp_path / "store.db"
    with Store.open(str(path)) as store:
        fill(store, make_entry, 60, sound=bytes(20_000))
        store.database.truncate_log()  # what was written is in the file, and not in its log
        before = path.stat().st_size
        store.sweep(RetentionPolicy(size_bytes=100_000))
        assert path.stat().st_size < before / 2
