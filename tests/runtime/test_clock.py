"""Times are in UTC; ids are unique and rise, whatever the clock does."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

import pytest

from auricle.runtime import clock
from auricle.runtime.clock import derived_id, new_id, now


def test_now_is_in_utc() -> None:
    assert now().tzinfo is UTC
    assert abs(now().timestamp() - time.time()) < 60


def test_an_id_is_a_uuid_of_version_7_with_its_time() -> None:
    before = time.time_ns() // 1_000_000
    identity = uuid.UUID(new_id())
    after = time.time_ns() // 1_000_000
    assert (identity.version, identity.variant) == (7, uuid.RFC_4122)
    assert before <= identity.int >> 80 <= after


def test_ids_rise_and_are_unique_across_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: [new_id() for _ in range(2_000)], range(4)))
    assert all(batch == sorted(batch) for batch in batches)
    assert len({identity for batch in batches for identity in batch}) == 8_000


@pytest.mark.parametrize("jump", [timedelta(0), -timedelta(days=400)])
def test_a_clock_that_stops_or_jumps_back_breaks_no_id(monkeypatch: pytest.MonkeyPatch, jump: timedelta) -> None:
    first = new_id()
    reading = time.time_ns() + int(jump.total_seconds() * 1e9)
    monkeypatch.setattr(time, "time_ns", lambda: reading)
    later = [new_id() for _ in range(100)]
    assert [first, *later] == sorted({first, *later})


def test_a_full_counter_borrows_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = time.time_ns() // 1_000_000 + 10_000
    monkeypatch.setattr(clock._LATEST, "millisecond", ahead)
    monkeypatch.setattr(clock._LATEST, "counter", (1 << clock.COUNTER_BITS) - 1)
    assert uuid.UUID(new_id()).int >> 80 == ahead + 1


def test_a_derived_id_is_of_the_same_time_and_always_the_same() -> None:
    run = new_id()
    names = [f"{number}.wav" for number in range(1000)] + ["bad\udcffname"]
    derived = [derived_id(run, name) for name in names]
    assert derived == [derived_id(run, name) for name in names]
    assert len({*derived, run, derived_id(new_id(), names[0])}) == len(names) + 2
    for identity in map(uuid.UUID, derived):
        assert (identity.version, identity.variant) == (7, uuid.RFC_4122)
        assert identity.int >> 80 == uuid.UUID(run).int >> 80
