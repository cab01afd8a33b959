import json
from typing import Any

import pytest

from auricle.errors import UsageError
from auricle.features.embeddings.card import EmbeddingCard, read_card
from auricle.features.embeddings.presets import PRESETS


@pytest.fixture
def content() -> dict[str, Any]:
    return {
        "name": "tiny",
        "rate_hz": 8000,
        "input": {
            "kind": "log-mel",
            "n_fft": 256,
            "frame_samples": 200,
            "hop": 80,
            "n_mels": 20,
            "fmax_hz": 4000.0,
            "patch_frames": 10,
            "patch_hop_frames": 5,
        },
        "output": "embedding",
        "size": 3,
        "licence": "CC0-1.0",
        "files": ["tiny.onnx"],
    }


def test_reads_what_it_wrote(content: dict[str, Any]) -> None:
    card = read_card(json.dumps(content), "tiny.json")
    assert read_card(card.model_dump_json(), "again") == card


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name: str) -> None:
    card, _ = PRESETS[name]
    assert EmbeddingCard.model_validate_json(card.model_dump_json()) == card


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "`colour`: Extra inputs"),
        ({"size": 0}, "`size`: Input should be greater"),
        ({"name": "Über"}, "`name`: String should match"),
        ({"files": ["a.onnx", "b.onnx"]}, "must name 1"),
        ({"files": ["../a.onnx"]}, "without folders"),
        ({"sha256": ["a", "b"]}, "one hash for each"),
        ({"rate_hz": 4000}, "`fmax_hz` must be at most 2000"),
        ({"input": {"kind": "picture"}}, "`input`"),
    ],
)
def test_refuses_with_the_key(content: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=rf"tiny\.json: a card must fit.*{message}"):
        read_card(json.dumps(content | change), "tiny.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"frame_samples": 300}, "at most `n_fft`"), ({"fmin_hz": 4000.0}, "below `fmax_hz`"), ({"hop": 0}, "hop")],
)
def test_refuses_an_input_that_cannot_be(content: dict[str, Any], change: dict[str, Any], message: str) -> None:
    content["input"] |= change
    with pytest.raises(UsageError, match=message):
        read_card(json.dumps(content), "tiny.json")


def test_refuses_what_is_not_json() -> None:
    with pytest.raises(UsageError, match=r"tiny\.json: a card must fit"):
        read_card(b"\x08\x01", "tiny.json")
