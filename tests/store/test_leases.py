from concurrent.futures import ThreadPoolExecutor
from typing import Any

from auricle.store.store import Store


def test_one_process_holds_a_lease_until_it_expires(store: Store, fake_clock: Any) -> None:
    first_lease = store.leases.take("retrain motor", holder="a", for_s=60)
    assert first_lease is not None
    assert store.leases.take("retrain motor", holder="b") is None
    assert store.leases.take("retrain pump", holder="b") is not None
    assert store.leases.holder("retrain motor") == "a"
    fake_clock.advance(50)
    assert store.leases.renew(first_lease)
    fake_clock.advance(50)
    assert store.leases.take("retrain motor", holder="b") is None
    fake_clock.advance(11)
    second_lease = store.leases.take("retrain motor", holder="b", for_s=60)
    assert second_lease is not None
    assert not store.leases.renew(first_lease)
    store.leases.release(first_lease)  # it is not mine to give back
    assert store.leases.holder("retrain motor") == "b"
    store.leases.release(second_lease)
    assert store.leases.holder("retrain motor") is None


def test_concurrent_takers_get_one_lease(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda name: store.leases.take("check", holder=name), "abcd"))
    assert sum(lease is not None for lease in taken) == 1


def test_a_backward_clock_jump_frees_a_lease(store: Store, fake_clock: Any) -> None:
    assert store.leases.take("check", for_s=60) is not None
    fake_clock.advance(-30)
    assert store.leases.take("check", for_s=60) is None
    fake_clock.advance(-3600)
    assert store.leases.take("check", for_s=60) is not None
