from collections.abc import Callable
from typing import Any

import pytest

from auricle.errors import ConflictError, UsageError
from auricle.records import Entry
from auricle.store.store import Store

Make = Callable[..., Entry]


def test_a_repeated_request_returns_the_first_prediction(store: Store, make_entry: Make) -> None:
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


def test_a_released_claim_can_be_taken_again(store: Store, make_entry: Make) -> None:
    claim = store.claims.claim("key", "token", "ab")
    store.claims.release(claim)
    again = store.claims.claim("key", "token", "cd")
    with store.writer() as writer:
        writer.submit(make_entry(), claim=again).result()
    store.claims.release(again)  # too late: it was answered
    assert store.claims.claim("key", "token", "cd").entry is not None


def test_an_expired_claim_adds_no_second_entry(store: Store, make_entry: Make, fake_clock: Any) -> None:
    stalled = store.claims.claim("key", "token", "ab")
    fake_clock.advance(61)
    taken = store.claims.claim("key", "token", "ab")
    with store.writer() as writer:
        first = writer.submit(make_entry(), claim=taken).result()
        late, beside = writer.submit(make_entry(), claim=stalled), writer.submit(make_entry())
        with pytest.raises(ConflictError, match="another process answered it"):
            late.result()
        kept = {first.id, beside.result().id}
        assert {entry.id for entry in store.entries().entries} == kept
    assert store.claims.claim("key", "token", "ab").entry == first.id


def test_claims_expire(store: Store, make_entry: Make, fake_clock: Any) -> None:
    store.claims.claim("key", "abandoned", "")
    with store.writer() as writer:
        writer.submit(make_entry(), claim=store.claims.claim("key", "answered", "")).result()
    fake_clock.advance(61)
    assert store.claims.claim("key", "abandoned", "").entry is None
    assert store.claims.claim("key", "answered", "").entry is not None
    fake_clock.advance(24 * 3600)
    assert store.claims.sweep() == 2
    assert store.claims.claim("key", "answered", "cd").entry is None
