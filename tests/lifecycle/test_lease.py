"""Lease guard: renewal, loss, and release."""

import threading

import pytest

from auricle.errors import ConflictError
from auricle.lifecycle.lease import LeaseGuard
from auricle.store.store import Store


def test_second_holder_gets_a_conflict(store: Store) -> None:
    with (
        LeaseGuard(store, "retrain pumps", "A retraining of pumps"),
        pytest.raises(
            ConflictError, match=r"A retraining of pumps must be done by one process at a time\. .*:\d+ is running it"
        ),
        LeaseGuard(store, "retrain pumps", "A retraining of pumps"),
    ):
        pass
    held_again = LeaseGuard(store, "retrain pumps", "A retraining of pumps")
    with held_again:
        held_again.check()
    assert store.leases.holder("retrain pumps") is None


def test_lease_is_renewed_during_work(store: Store) -> None:
    with LeaseGuard(store, "work", "Work", for_s=0.3) as held:
        for _ in range(4):
            threading.Event().wait(0.2)
            held.check()
        assert store.leases.take("work", holder="another") is None


def test_lost_lease_is_a_conflict(store: Store) -> None:
    with LeaseGuard(store, "work", "Work") as held:
        store.leases.release(held._lease)
        assert store.leases.take("work", holder="another") is not None
        with pytest.raises(ConflictError, match="Another has taken over"):
            held.check()
    assert store.leases.holder("work") == "another"  # the other's lease is not released


def test_lease_is_released_on_failure(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), LeaseGuard(store, "work", "Work"):
        raise ZeroDivisionError
    assert store.leases.holder("work") is None
