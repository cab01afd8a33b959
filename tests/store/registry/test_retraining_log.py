import pytest

from auricle.errors import ConflictError
from auricle.store.store import Store


def test_a_retraining_is_updated_until_it_is_finished(store: Store) -> None:
    first = store.decisions.begin("motor", {"n_labels": 3})
    second = store.decisions.begin("pump", {})
    store.decisions.note(first, {"n_labels": 3, "challenger": "ab"})
    (running,) = store.decisions.latest("motor")
    assert (running.outcome, running.finished, running.body["challenger"]) == ("begun", None, "ab")
    store.decisions.finish(first, "kept", {"why": "no better"})
    for call in (store.decisions.note, lambda record_id, body: store.decisions.finish(record_id, "promoted", body)):
        with pytest.raises(ConflictError, match=r"must be running\. It is finished, or never began"):
            call(first, {})
    assert [retraining.id for retraining in store.decisions.latest()] == [second, first]
    (kept,) = store.decisions.latest("motor", limit=1)
    assert kept.finished is not None
    assert kept.finished >= kept.begun
    record = kept.as_json()
    assert (record["outcome"], record["why"], record["name"]) == ("kept", "no better", "motor")
    with pytest.raises(ConflictError):
        store.decisions.note("never", {})
