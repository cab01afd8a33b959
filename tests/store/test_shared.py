"""What several processes hold together: claims, leases, rates and sessions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from auricle.errors import ConflictError, UsageError
from auricle.records import Entry
from auricle.runtime import clock
from auricle.store.database import Database
from auricle.store.store import Store

Make = Callable[..., Entry]


class Clock:
    """A clock that a test sets: the store's, whichever database it is."""

    def __init__(self) -> None:
        self.us = clock.to_us(datetime.fromisoformat("2026-03-01T00:00:00+00:00"))

    def pass_s(self, seconds: float) -> None:
        self.us += int(seconds * 1e6)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hands = Clock()
    monkeypatch.setattr(Database, "now_us", lambda *_: hands.us)
    return hands


def test_both_databases_tell_the_time(store: Store) -> None:
    with store.database.read() as connection:
        told = clock.from_us(store.database.now_us(connection))
    assert abs(told - clock.now()) < timedelta(minutes=1)


def test_a_request_sent_twice_is_answered_once(store: Store, make_entry: Make) -> None:
    claim = store.claims.claim("key", "token", "ab")
    assert claim.entry is None
    with pytest.raises(ConflictError, match="is being answered"):
        store.claims.claim("key", "token", "ab")
    with store.writer() as writer:
        answered = writer.submit(make_entry(), claim=claim).result()
    assert store.claims.claim("key", "token", "ab").entry == answered.id
    with pytest.raises(UsageError, match="It came before with another body"):
        store.claims.claim("key", "token", "cd")
    assert store.claims.claim("other key", "token", "cd").entry is None


def test_a_claim_that_was_given_up_is_free(store: Store, make_entry: Make) -> None:
    claim = store.claims.claim("key", "token", "ab")
    store.claims.release(claim)
    again = store.claims.claim("key", "token", "cd")
    with store.writer() as writer:
        writer.submit(make_entry(), claim=again).result()
    store.claims.release(again)  # too late: it was answered
    assert store.claims.claim("key", "token", "cd").entry is not None


def test_a_claim_that_another_took_for_abandoned_adds_no_second_entry(
    store: Store, make_entry: Make, hands: Clock
) -> None:
    stalled = store.claims.claim("key", "token", "ab")
    hands.pass_s(61)
    taken = store.claims.claim("key", "token", "ab")
    with store.writer() as writer:
        first = writer.submit(make_entry(), claim=taken).result()
        late, beside = writer.submit(make_entry(), claim=stalled), writer.submit(make_entry())
        with pytest.raises(ConflictError, match="another process answered it"):
            late.result()
        kept = {first.id, beside.result().id}
        assert {one.id for one in store.entries().entries} == kept
    assert store.claims.claim("key", "token", "ab").entry == first.id


def test_claims_end(store: Store, make_entry: Make, hands: Clock) -> None:
    store.claims.claim("key", "abandoned", "")
    with store.writer() as writer:
        writer.submit(make_entry(), claim=store.claims.claim("key", "answered", "")).result()
    hands.pass_s(61)
    assert store.claims.claim("key", "abandoned", "").entry is None
    assert store.claims.claim("key", "answered", "").entry is not None
    hands.pass_s(24 * 3600)
    assert store.claims.sweep() == 2
    assert store.claims.claim("key", "answered", "cd").entry is None


def test_one_holds_a_lease(store: Store, hands: Clock) -> None:
    mine = store.leases.take("retrain motor", holder="a", for_s=60)
    assert mine is not None
    assert store.leases.take("retrain motor", holder="b") is None
    assert store.leases.take("retrain pump", holder="b") is not None
    assert store.leases.holder("retrain motor") == "a"
    hands.pass_s(50)
    assert store.leases.renew(mine)
    hands.pass_s(50)
    assert store.leases.take("retrain motor", holder="b") is None
    hands.pass_s(11)
    theirs = store.leases.take("retrain motor", holder="b", for_s=60)
    assert theirs is not None
    assert not store.leases.renew(mine)
    store.leases.release(mine)  # it is not mine to give back
    assert store.leases.holder("retrain motor") == "b"
    store.leases.release(theirs)
    assert store.leases.holder("retrain motor") is None


def test_of_several_that_reach_for_a_lease_one_has_it(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda name: store.leases.take("check", holder=name), "abcd"))
    assert sum(lease is not None for lease in taken) == 1


def test_a_clock_that_jumps_back_frees_a_lease_soon(store: Store, hands: Clock) -> None:
    assert store.leases.take("check", for_s=60) is not None
    hands.pass_s(-30)
    assert store.leases.take("check", for_s=60) is None
    hands.pass_s(-3600)
    assert store.leases.take("check", for_s=60) is not None


def test_a_bucket_gives_what_it_holds_and_fills_at_its_rate(store: Store, hands: Clock) -> None:
    def draw(wanted: int) -> int:
        return store.rate_limits.draw("key", wanted, rate_per_s=2.0, burst=10.0)

    assert [draw(4), draw(4), draw(4), draw(4)] == [4, 4, 2, 0]
    hands.pass_s(1.75)
    assert [draw(9), draw(1)] == [3, 0]
    hands.pass_s(-3600)
    assert draw(5) == 0
    hands.pass_s(2)
    assert draw(9) == 4
    hands.pass_s(3600)
    assert draw(99) == 10
    assert store.rate_limits.draw("other", 1, rate_per_s=2.0, burst=10.0) == 1
    hands.pass_s(86_401)
    store.rate_limits.sweep()
    assert draw(99) == 10


@pytest.mark.usefixtures("hands")
def test_threads_share_a_bucket(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: store.rate_limits.draw("key", 3, rate_per_s=1.0, burst=20.0), range(12)))
    assert sum(given) == 20


def test_sessions_are_counted_over_processes(store: Store, hands: Clock) -> None:
    def opened(identity: str, key: str) -> bool:
        return store.rate_limits.open_session(identity, key, max_sessions=3, max_per_key=2)

    assert [opened("1", "a"), opened("2", "a"), opened("3", "a")] == [True, True, False]
    assert [opened("4", "b"), opened("5", "b")] == [True, False]
    store.rate_limits.close_session("1")
    assert opened("6", "b")
    hands.pass_s(20)
    store.rate_limits.refresh_sessions(["4", "6"])
    hands.pass_s(20)
    assert [opened("7", "a"), opened("8", "a")] == [True, False]  # 2 was not seen for 40 s, 4 and 6 were
