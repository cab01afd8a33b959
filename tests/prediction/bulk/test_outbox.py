import numpy as np
import pytest

from auricle.prediction.bulk.outbox import Outbox
from auricle.records import Entry, Prediction
from auricle.runtime.clock import new_id, now


def an_entry() -> Entry:
    prediction = Prediction("recording", 0.0, 1.0, "m@1", value=1.0)
    return Entry(
        id=new_id(),
        time=now(),
        model="m@1",
        predictions=(prediction,),
        standard=np.zeros(2, np.float32),
        rows=np.zeros((1, 3), np.float32),
    )


def test_an_entry_is_written_once_when_its_file_is_flushed() -> None:
    kept: list[Entry] = []
    outbox = Outbox(kept.extend)
    first, second = an_entry(), an_entry()
    outbox.add("a", first)
    outbox.add("b", second)
    outbox.add("c", None)
    assert kept == []
    outbox.flush(["b", "c"])
    assert kept == [second]
    outbox.flush(["b"])
    outbox.flush_batch()
    assert kept == [second]
    outbox.flush_batch(is_end=True)
    assert kept == [second, first]


def test_entries_are_written_in_batches() -> None:
    calls: list[int] = []
    outbox = Outbox(lambda entries: calls.append(len(entries)))
    for number in range(200):
        outbox.add(str(number), an_entry())
        outbox.flush_batch()
    outbox.flush_batch(is_end=True)
    assert calls == [64, 64, 64, 8]


def test_entries_are_held_when_writing_fails() -> None:
    kept: list[Entry] = []

    def full(_: object) -> None:
        raise OSError("full")

    entry = an_entry()
    outbox = Outbox(full)
    outbox.add("a", entry)
    with pytest.raises(OSError, match="full"):
        outbox.flush(["a"])
    outbox._write_entries = kept.extend
    outbox.flush(["a"])
    assert kept == [entry]


def test_entries_are_discarded_without_a_store() -> None:
    outbox = Outbox(None)
    outbox.add("a", an_entry())
    outbox.flush_batch(is_end=True)
    assert outbox._entries == {}
