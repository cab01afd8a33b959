import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from auricle.errors import MissingError, UsageError
from auricle.runtime import clock
from auricle.store.keys import SCOPES
from auricle.store.store import Store
from auricle.store.tables import KEYS


def test_verify_returns_the_key_of_a_token(store: Store) -> None:
    token, key = store.keys.create(["predict", "read"], name="the yard")
    assert re.fullmatch(r"aud_[a-z2-7]{8}_[\w-]{43}", token)
    assert token.split("_")[1] == key.id
    assert store.keys.verify(token) == key
    assert key.scopes == {"predict", "read"}
    assert store.keys.all() == (key,)


def test_store_holds_no_secret(store: Store) -> None:
    token, key = store.keys.create(["predict"])
    with store.database.read() as connection:
        row = connection.execute(sa.select(KEYS)).one()
    assert token.removeprefix(f"aud_{key.id}_") not in str(row)


def test_verify_rejects_wrong_tokens(store: Store) -> None:
    token, key = store.keys.create(["admin"])
    wrong = [token[:-1], f"{token}x", "", "aud", "aud__", f"aud_{key.id}_", f"aud_nobody22_{token[13:]}", "\0_\ud800_é"]
    assert [store.keys.verify(other) for other in wrong] == [None] * len(wrong)


def test_verify_rejects_an_expired_key(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    end = clock.now() + timedelta(days=1)
    token, key = store.keys.create(["predict"], expires=end)
    assert store.keys.verify(token) == key
    monkeypatch.setattr(clock, "now", lambda: end)
    assert store.keys.verify(token) is None


def test_revocation_keeps_its_first_time(store: Store) -> None:
    token, key = store.keys.create(["predict"])
    revoked = store.keys.revoke(key.id)
    assert revoked.revoked is not None
    assert store.keys.verify(token) is None
    assert store.keys.revoke(key.id) == revoked
    with pytest.raises(MissingError, match="There is no key of the id 'nobody'"):
        store.keys.revoke("nobody")


def test_create_rejects_invalid_scopes_and_ends(store: Store) -> None:
    with pytest.raises(UsageError, match=f"one of {', '.join(SCOPES)}. Got 'root'"):
        store.keys.create(["predict", "root"])
    with pytest.raises(UsageError, match="A key must have a scope"):
        store.keys.create([])
    with pytest.raises(UsageError, match="A key's end must lie ahead"):
        store.keys.create(["predict"], expires=clock.now())


def test_json_of_a_key_holds_no_secret(store: Store) -> None:
    _, key = store.keys.create(["read", "feedback"], name="x")
    key_json = key.as_json()
    assert key_json == {
        "id": key.id,
        "name": "x",
        "scopes": ["feedback", "read"],
        "created": key.created.isoformat(timespec="seconds"),
        "expires": None,
        "revoked": None,
    }
