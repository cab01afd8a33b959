"""Contents by their digest: whole in whatever parts they are stored, once, and for as long as a row refers to them."""

import hashlib
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from auricle.records import Entry
from auricle.store import blobs
from auricle.store.store import Store
from auricle.store.tables import BLOBS


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "PART_BYTES", 4)


def n_parts(store: Store) -> int:
    with store.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(BLOBS)).scalar_one()


@pytest.mark.parametrize(("content", "parts"), [(b"abc", 1), (b"abcd", 1), (b"abcde", 2), (b"01234" * 10, 13)])
def test_a_content_is_whole_and_stored_once(store: Store, content: bytes, parts: int) -> None:
    for _ in range(2):
        with store.database.write() as connection:
            digest = blobs.put(store.database, connection, content)
    assert digest == hashlib.sha256(content).hexdigest()
    with store.database.read() as connection:
        assert blobs.get(connection, digest) == content
        assert blobs.get(connection, digest[:-1]) is None
    assert n_parts(store) == parts


def test_only_contents_without_an_entry_and_a_model_are_deleted(store: Store, make_entry: Callable[..., Entry]) -> None:
    contents = [b"of an entry", b"of a model", b"unused", b"kept"]
    with store.database.write() as connection:
        heard, _, unused, kept = (blobs.put(store.database, connection, content) for content in contents)
    store.add([make_entry(audio=heard)])
    bundle = store.models.add(contents[1], name="motor", version="1" * 12, task="classify").digest
    with store.database.write() as connection:
        n_bytes = blobs.delete_unused(store.database, connection, [unused, heard, None, bundle, unused, "0" * 64])
        found = [blobs.get(connection, digest) for digest in (heard, bundle, unused, kept)]
    assert n_bytes == len(b"unused")  # of both its parts, and once
    assert found == [contents[0], contents[1], None, contents[3]]


def test_a_content_is_deleted_with_the_last_entry_that_has_it(store: Store, make_entry: Callable[..., Entry]) -> None:
    with store.database.write() as connection:
        digest = blobs.put(store.database, connection, b"heard twice")
    entries = [make_entry(audio=digest) for _ in range(2)]
    store.add(entries)
    store.delete(entries[0].id)
    assert store.sound(entries[1].id) == b"heard twice"
    store.delete(entries[1].id)
    assert n_parts(store) == 0
