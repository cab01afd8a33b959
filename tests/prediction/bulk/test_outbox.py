import numpy as np
import pytest

from auricle.prediction.bulk.outbox import Outbox
from auricle.records import Entry, Prediction
from auricle.runtime.clock import new_id, now


def an_entry() -> Entry:
    answer = Prediction("recording", 0.0, 1.0, "m@1", value=1.0)
    return Entry(new_id(), now(), "m@1", (answer,), np.zeros(2, np.float32), np.zeros((1, 3), np.float32))


def test_an_entry_is_kept_once_and_when_it_is_told_to_be() -> None:
    kept: list[Entry] = []
    outbox = Outbox(kept.extend)
    first, second = an_entry(), an_entry()
    outbox.take("a", first)
    outbox.take("b", second)
    outbox.take("c", None)
    assert kept == []
    outbox.flush(["b", "c"])
    assert kept == [second]
    outbox.flush(["b"])
    outbox.flush_batch()
    assert kept == [second]
    outbox.flush_batch(is_end=True)
    assert kept == [second, first]


def test_many_are_kept_together() -> None:
    calls: list[int] = []
    outbox = Outbox(lambda entries: calls.append(len(entries)))
    for number in range(200):
        outbox.take(str(number), an_entry())
        outbox.flush_batch()
    outbox.flush_batch(is_end=True)
    assert calls == [64, 64, 64, 8]


def test_what_could_not_be_kept_is_still_held() -> None:
    kept: list[Entry] = []

    def full(_: object) -> None:
        raise OSError("full")

    entry = an_entry()
    outbox = Outbox(full)
    outbox.take("a", entry)
    with pytest.raises(OSError, match="full"):
        outbox.flush(["a"])
    outbox._write_entries = kept.extend
    outbox.flush(["a"])
    assert kept == [entry]


def test_without_a_store_nothing_is_kept() -> None:
    outbox = Outbox(None)
    outbox.take("a", an_entry())
    outbox.flush_batch(is_end=True)
    assert outbox._entries == {}
