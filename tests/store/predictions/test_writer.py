import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from auricle.errors import ConflictError, StoreError
from auricle.records import Entry
from auricle.store.predictions.writer import Writer
from auricle.store.store import Store

Make = Callable[..., Entry]


class Counting:
    """Counts the commits of a store."""

    def __init__(self, store: Store) -> None:
        self.n = 0
        sa.event.listen(store.database.engine, "commit", self._count)

    def _count(self, connection: sa.Connection) -> None:
        if connection.get_execution_options().get("writes"):
            self.n += 1


def test_an_entry_is_stored_when_its_future_resolves(store: Store, make_entry: Make) -> None:
    added = make_entry()
    with store.writer() as writer:
        assert writer.submit(added).result() == added
        assert store.entry(added.id) == added


def test_entries_share_a_commit(store: Store, make_entry: Make) -> None:
    counted = Counting(store)
    with Writer(store.database, max_batch=4, linger_s=5.0) as writer:
        futures = [writer.submit(make_entry()) for _ in range(8)]
        for future in futures:
            future.result()
    assert counted.n == 2


def test_concurrent_submits_lose_and_duplicate_nothing(store: Store, make_entry: Make) -> None:
    added = [make_entry() for _ in range(200)]
    with store.writer() as writer, ThreadPoolExecutor(8) as pool:
        acknowledged = {entry.id for entry in pool.map(lambda entry: writer.submit(entry).result(), added)}
    found = [entry.id for entry in store.entries(limit=1000).entries]
    assert len(found) == len(set(found)) == 200
    assert set(found) == acknowledged


def test_only_the_conflicting_entry_of_a_batch_fails(store: Store, make_entry: Make) -> None:
    first, second = make_entry(), make_entry()
    with Writer(store.database, max_batch=3, linger_s=5.0) as writer:
        futures = [writer.submit(entry) for entry in (first, first, second)]
        assert futures[0].result() == first
        with pytest.raises(ConflictError, match=f"{first.id} is in the store already"):
            futures[1].result()
        assert futures[2].result() == second


def test_a_cancelled_entry_is_not_written(store: Store, make_entry: Make) -> None:
    with Writer(store.database, max_batch=2, linger_s=5.0) as writer:
        cancelled = writer.submit(make_entry())
        assert cancelled.cancel()
        kept = writer.submit(make_entry()).result()
    assert [entry.id for entry in store.entries().entries] == [kept.id]


def test_close_flushes_the_queue_and_refuses_more(store: Store, make_entry: Make) -> None:
    writer = Writer(store.database, linger_s=5.0)
    futures = [writer.submit(make_entry()) for _ in range(3)]
    writer.close()
    writer.close()
    assert all(future.done() for future in futures)
    assert len(store.entries().entries) == 3
    with pytest.raises(StoreError, match="the process is ending"):
        writer.submit(make_entry())


def test_a_full_queue_refuses_entries(store: Store, make_entry: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    going = threading.Event()
    write = store.database.write

    def stopped(**options: Any) -> Any:
        going.wait()
        return write(**options)

    monkeypatch.setattr(store.database, "write", stopped)
    with Writer(store.database, max_batch=1, capacity=2) as writer:
        futures = [writer.submit(make_entry())]
        while writer._waiting.qsize():
            pass
        futures += [writer.submit(make_entry()) for _ in range(2)]
        with pytest.raises(StoreError, match="slower than its writers: 2 entries wait"):
            writer.submit(make_entry())
        going.set()
    assert all(future.done() for future in futures)


def test_an_unexpected_error_fails_the_batch_and_recovers(
    store: Store, make_entry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.writer() as writer:
        with monkeypatch.context() as patch:
            patch.setattr(store.database, "write", lambda: 1 / 0)
            with pytest.raises(StoreError, match="could not be written: division by zero"):
                writer.submit(make_entry()).result()
        writer.submit(make_entry()).result()
    assert len(store.entries().entries) == 1


def test_a_sound_is_stored_with_its_entry(store: Store, make_entry: Make) -> None:
    with store.writer() as writer:
        kept = writer.submit(make_entry(), sound=b"fLaC" * 2_000_000).result()
    assert store.entry(kept.id) == kept
    assert kept.audio is not None
    assert store.sound(kept.id) == b"fLaC" * 2_000_000
