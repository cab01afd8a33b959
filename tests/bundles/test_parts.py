"""Bundles whose rows have parts: what was changed by hand inside them is refused."""

import json

import pytest

from auricle.bundles.bundle import Bundle
from auricle.datasets.dataset import Dataset
from auricle.errors import BundleError
from auricle.prediction.predictor import Predictor
from auricle.training.train import train


@pytest.fixture(scope="module")
def bundle(machine_sounds, tiny_embedding) -> Bundle:
    data = Dataset.load(machine_sounds, label="label", group="machine")
    return train(data, models="embedding", embeddings=[tiny_embedding], window_s=0.2).bundle


@pytest.fixture
def forged(bundle: Bundle, forge):
    """Change the bundle's members, or its manifest, with all hashes made anew."""
    return lambda members=None, **manifest: forge(members, of=bundle, **manifest)


GRAPH = "embeddings/tiny/tiny.onnx"


def test_another_graph_is_refused(forged, make_embedding) -> None:
    other = make_embedding("tiny", seed=2).graphs[0]
    with pytest.raises(BundleError, match=r"every part of a row must load\. tiny: the graphs must be the files"):
        Predictor(Bundle.from_bytes(forged({GRAPH: other})))


def test_a_graph_with_a_hash_to_match_still_has_to_compute_the_same(forged, make_embedding) -> None:
    other = make_embedding("tiny", seed=2)
    card = json.loads(other.card.model_dump_json())
    with pytest.raises(BundleError, match="every golden window's row must be within"):
        Predictor(Bundle.from_bytes(forged({GRAPH: other.graphs[0]}, embeddings=[card])))


def test_a_graph_whose_weights_lie_elsewhere_is_refused(forged, bundle: Bundle) -> None:
    card = json.loads(bundle.manifest.embeddings[0].model_dump_json()) | {"sha256": []}
    content = bundle.embeddings["tiny"][0] + b"\n\x08location\x12\x0b/etc/passwd"
    with pytest.raises(BundleError, match="must hold its weights"):
        Predictor(Bundle.from_bytes(forged({GRAPH: content}, embeddings=[card])))


def test_a_missing_graph_is_named(forged) -> None:
    with pytest.raises(BundleError, match=GRAPH):
        Bundle.from_bytes(forged({GRAPH: None}))


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
def test_parts_must_be_those_that_are_described(forged, changes) -> None:
    with pytest.raises(BundleError, match="the parts of a row are those that are described"):
        Bundle.from_bytes(forged(**({"parts": ["tiny"]} | changes)))
