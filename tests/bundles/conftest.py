"""Forged bundles: every hash is right, and something inside is not."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from auricle.bundles import container

Forge = Callable[..., bytes]


@pytest.fixture
def forge(trained_on_states) -> Forge:
    """Return a bundle, by default the classifier's, with members and manifest changed (None removes) and new hashes."""

    def make(members: Mapping[str, bytes | None] | None = None, /, of: Any = None, **manifest: Any) -> bytes:
        original = trained_on_states.bundle if of is None else of
        found: dict[str, bytes | None] = dict(container.unpack(original.to_bytes(), "original"))
        settings = json.loads(found.pop("manifest.json") or b"")
        kept = {name: content for name, content in (found | dict(members or {})).items() if content is not None}
        settings["members"] = {name: hashlib.sha256(content).hexdigest() for name, content in kept.items()}
        settings = {name: value for name, value in (settings | manifest).items() if value is not None}
        return container.pack(kept | {"manifest.json": json.dumps(settings).encode()})

    return make
