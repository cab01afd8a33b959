"""Sounds and bundles addressed by their SHA-256, stored in parts of 4 MiB."""

import hashlib
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from auricle.store.database import Database
from auricle.store.tables import BLOBS, BUNDLES, PREDICTIONS

__all__ = ["PART_BYTES", "delete_unused", "get", "put"]

PART_BYTES: Final = 4 * 1024**2


def put(database: Database, connection: sa.Connection, content: bytes) -> str:
    """Store ``content`` unless it is stored already, and return its SHA-256.

    Callers that put several sort them by digest: each digest stays locked to the end of the transaction.
    """
    digest = hashlib.sha256(content).hexdigest()
    database.lock_name(connection, digest)
    insertion = database.insert(BLOBS).on_conflict_do_nothing()
    for part, start in enumerate(range(0, len(content), PART_BYTES)):
        values = {"digest": digest, "part": part, "content": content[start : start + PART_BYTES]}
        connection.execute(insertion.values(**values))
    return digest


def get(connection: sa.Connection, digest: str) -> bytes | None:
    """Return the content of a digest; None if it is not stored."""
    parts = sa.select(BLOBS.c.content).where(BLOBS.c.digest == digest).order_by(BLOBS.c.part)
    return b"".join(connection.execute(parts).scalars()) or None


def delete_unused(database: Database, connection: sa.Connection, digests: Iterable[str | None]) -> int:
    """Delete the contents that no prediction and no model refers to, and return their size in bytes."""
    n_bytes = 0
    for digest in sorted({digest for digest in digests if digest is not None}):
        database.lock_name(connection, digest)  # another transaction may be adding an entry with the same sound
        unused = (~sa.exists().where(PREDICTIONS.c.audio == digest), ~sa.exists().where(BUNDLES.c.digest == digest))
        deletion = sa.delete(BLOBS).where(BLOBS.c.digest == digest, *unused)
        n_bytes += sum(connection.execute(deletion.returning(sa.func.length(BLOBS.c.content))).scalars())
    return n_bytes
