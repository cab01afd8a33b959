from auricle.store.store import Store


def test_latest_returns_checks_newest_first(store: Store) -> None:
    first = store.checks.add("motor@1", "ok", {"n": 1})
    second = store.checks.add("pump@1", "alarm", {"n": 2, "why": ["noise"]})
    third = store.checks.add("motor@1", "watch", {"n": 3})
    assert store.checks.latest() == (third,)
    assert store.checks.latest("pump@1") == (second,)
    assert store.checks.latest("motor@1", limit=5) == (third, first)
    assert store.checks.latest("motor", limit=5) == (third, first)
    assert store.checks.latest("none@1") == ()
