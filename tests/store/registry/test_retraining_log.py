import pytest

from auricle.errors import ConflictError
from auricle.store.store import Store


def test_a_decision_is_written_while_it_is_made_and_then_stays(store: Store) -> None:
    first = store.decisions.begin("motor", {"n_labels": 3})
    second = store.decisions.begin("pump", {})
    store.decisions.note(first, {"n_labels": 3, "challenger": "ab"})
    (going_on,) = store.decisions.latest("motor")
    assert (going_on.outcome, going_on.finished, going_on.body["challenger"]) == ("begun", None, "ab")
    store.decisions.finish(first, "kept", {"why": "no better"})
    for call in (store.decisions.note, lambda one, body: store.decisions.finish(one, "promoted", body)):
        with pytest.raises(ConflictError, match=r"must be running\. It is finished, or never began"):
            call(first, {})
    assert [one.id for one in store.decisions.latest()] == [second, first]
    (kept,) = store.decisions.latest("motor", limit=1)
    assert kept.finished is not None
    assert kept.finished >= kept.begun
    told = kept.as_json()
    assert (told["outcome"], told["why"], told["name"]) == ("kept", "no better", "motor")
    with pytest.raises(ConflictError):
        store.decisions.note("never", {})
