from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from auricle.bundles import container
from auricle.bundles.bundle import Bundle
from auricle.bundles.manifest import Manifest
from auricle.errors import BundleError
from auricle.features.embeddings.embedding import Embedding

Forge = Callable[..., bytes]


@pytest.mark.parametrize("version", [0, 2, 4, "3", None])
def test_another_format_is_refused(forge: Forge, version: object) -> None:
    with pytest.raises(BundleError) as caught:
        Bundle.from_bytes(forge(format=version), source="x.auricle")
    assert str(caught.value) == (
        f"x.auricle: the bundle's format must be 3. Got {version}; "
        "use the version of auricle that wrote it, or train again."
    )


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"colour": "red"}, r"x: the bundle's manifest must be readable\. `colour`: extra inputs are not permitted"),
        ({"task": "sing"}, r"x: the bundle's manifest must be readable\. `task`: input should be 'classify' or"),
        ({"task": None}, r"`task`: field required"),
        ({"spec": {"rate_hz": 8000, "hops": 3}}, r"^x: `hops` is not a setting of FeatureSpec\. Known: rate_hz, "),
        ({"spec": {"rate_hz": 8000, "fmax_hz": 9000.0}}, r"^x: `fmax_hz` must be at most 4000"),
        ({"target": {"mean": 1.0, "deviation": 2.0}}, r"a target and no classes, a classifier classes and no target"),
        ({"classes": []}, r"a target and no classes, a classifier classes and no target"),
        ({"task": "regress"}, r"a target and no classes, a classifier classes and no target"),
    ],
)
def test_an_invalid_manifest_is_refused(forge: Forge, manifest: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        Bundle.from_bytes(forge(**manifest), source="x")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"[" * 100_000], ids=lambda content: content[:4]
)
def test_a_manifest_must_be_a_json_object(content: bytes) -> None:
    with pytest.raises(BundleError, match="x: the bundle's manifest must be readable"):
        Bundle.from_bytes(container.pack({"manifest.json": content}), source="x")
    with pytest.raises(BundleError, match="x: the bundle's manifest must be readable"):
        Bundle.from_bytes(container.pack({"model.onnx": b""}), source="x")


@pytest.fixture
def manifest(trained_on_states: Any) -> Manifest:
    found: Manifest = trained_on_states.bundle.manifest
    return found


def test_a_manifest_is_frozen_and_refuses_unknown_keys(manifest: Manifest) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        manifest.name = "other"
    with pytest.raises(ValidationError, match="Extra inputs"):
        Manifest(name="x", task="classify", classes=("a",), spec=manifest.spec, family="linear", colour="red")


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": ["pooled"]},
        {"parts": []},
        {"parts": ["tiny", "tiny"]},
        {"parts": ["tiny", "image"]},
        {"parts": ["tiny", "pooled", "speech"]},
        {"embeddings": []},
    ],
)
def test_parts_must_be_those_described(manifest: Manifest, tiny_embedding: Embedding, changes: dict[str, Any]) -> None:
    described = manifest.model_dump() | {"parts": ["tiny"], "embeddings": [tiny_embedding.card.model_dump()]}
    assert Manifest.model_validate(described).parts == ("tiny",)
    with pytest.raises(ValidationError, match="the parts of a row must be those described"):
        Manifest.model_validate(described | changes)
