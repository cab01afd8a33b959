from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from auricle.store.store import Store


def test_a_bucket_refills_at_its_rate_up_to_its_burst(store: Store, fake_clock: Any) -> None:
    def draw(wanted: int) -> int:
        return store.rate_limits.draw("key", wanted, rate_per_s=2.0, burst=10.0)

    assert [draw(4), draw(4), draw(4), draw(4)] == [4, 4, 2, 0]
    fake_clock.advance(1.75)
    assert [draw(9), draw(1)] == [3, 0]
    fake_clock.advance(-3600)
    assert draw(5) == 0
    fake_clock.advance(2)
    assert draw(9) == 4
    fake_clock.advance(3600)
    assert draw(99) == 10
    assert store.rate_limits.draw("other", 1, rate_per_s=2.0, burst=10.0) == 1
    fake_clock.advance(86_401)
    store.rate_limits.sweep()
    assert draw(99) == 10


@pytest.mark.usefixtures("fake_clock")
def test_threads_share_a_bucket(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: store.rate_limits.draw("key", 3, rate_per_s=1.0, burst=20.0), range(12)))
    assert sum(given) == 20


def test_sessions_are_limited_in_total_and_per_key(store: Store, fake_clock: Any) -> None:
    def opened(identity: str, key: str) -> bool:
        return store.rate_limits.open_session(identity, key, max_sessions=3, max_per_key=2)

    assert [opened("1", "a"), opened("2", "a"), opened("3", "a")] == [True, True, False]
    assert [opened("4", "b"), opened("5", "b")] == [True, False]
    store.rate_limits.close_session("1")
    assert opened("6", "b")
    fake_clock.advance(20)
    store.rate_limits.refresh_sessions(["4", "6"])
    fake_clock.advance(20)
    assert [opened("7", "a"), opened("8", "a")] == [True, False]  # 2 was not seen for 40 s, 4 and 6 were
