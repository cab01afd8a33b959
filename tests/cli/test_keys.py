"""``auricle keys``: a key is shown once, verified by the store, listed without its secret, and revoked."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auricle.store.store import Store


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'engine.db'}"


def test_a_key_is_printed_once_and_has_its_scopes(auricle: Callable[..., Any], url: str) -> None:
    ran = auricle(
        "keys", "create", "--scopes", "predict, feedback", "--name", "yard", "--expires", "90d", "--store", url
    )
    assert ran.code == 0
    token = ran.out.strip()
    assert re.fullmatch(r"aud_\w{8}_[\w-]{43}", token)
    assert "allows feedback, predict, until" in ran.err
    with Store.open(url) as store:
        key = store.keys.verify(token)
    assert key is not None
    assert (key.name, key.scopes) == ("yard", {"predict", "feedback"})
    listed = auricle("keys", "list", "--store", url)
    assert key.id in listed.out
    assert token.split("_", 2)[2] not in listed.out + auricle("keys", "list", "--json", "--store", url).out


def test_a_key_is_revoked(auricle: Callable[..., Any], url: str) -> None:
    created = json.loads(auricle("keys", "create", "--json", "--store", url).out)
    assert auricle("keys", "revoke", created["id"], "--store", url).code == 0
    (key,) = json.loads(auricle("keys", "list", "--json", "--store", url).out)["keys"]
    assert key["revoked"] is not None
    assert "revoked" in auricle("keys", "list", "--store", url).out
    with Store.open(url) as store:
        assert store.keys.verify(created["token"]) is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("create", "--scopes", "root"), "A scope must be one of predict, feedback, read, train, promote, admin"),
        (("create", "--scopes", ","), "Got ''"),
        (("create", "--expires", "soon"), "A duration must be a number above 0"),
        (("create", "--store", "mysql://root:secret@host/db"), "A store's URL must be"),
    ],
)
def test_bad_input_is_one_sentence(
    auricle: Callable[..., Any], url: str, words: tuple[str, ...], sentence: str
) -> None:
    ran = auricle("keys", *words, *(() if "--store" in words else ("--store", url)))
    assert ran.code == 2
    assert sentence in ran.sentence
    assert "secret" not in ran.err


def test_reading_creates_no_store(auricle: Callable[..., Any], tmp_path: Path) -> None:
    for words in (("list",), ("revoke", "abc")):
        ran = auricle("keys", *words, "--store", tmp_path / "typo.db")
        assert ran.code == 2
        assert "there is no such file" in ran.sentence
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_id_is_an_error(auricle: Callable[..., Any], url: str) -> None:
    assert auricle("keys", "create", "--store", url).code == 0
    ran = auricle("keys", "revoke", "zzzz9999", "--store", url)
    assert ran.code == 2
    assert "There is no key of the id 'zzzz9999'" in ran.sentence
