"""Sound files of every supported format, encoded on demand."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.clip import Samples

KINDS = {
    "wav8": ("WAV", "PCM_U8"),
    "wav16": ("WAV", "PCM_16"),
    "wav24": ("WAVEX", "PCM_24"),
    "wav32": ("WAV", "PCM_32"),
    "float": ("WAV", "FLOAT"),
    "double": ("WAV", "DOUBLE"),
    "rf64": ("RF64", "PCM_16"),
    "flac16": ("FLAC", "PCM_16"),
    "flac24": ("FLAC", "PCM_24"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "aifc": ("AIFF", "FLOAT"),
}


def encode(samples: np.ndarray, rate_hz: int, kind: str) -> bytes:
    """Return a sound file as bytes; samples have shape (n,) or (n, channels)."""
    container, subtype = KINDS[kind]
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", rate_hz, channels, subtype=subtype, format=container) as file:
        for start in range(0, len(samples), 4096):  # one long write of Vorbis crashes libsndfile
            file.write(samples[start : start + 4096])
    return buffer.getvalue()


def wav(rate_hz: int = 16_000, channels: int = 1, data: bytes = b"\1\0" * 1000, claim: int | None = None) -> bytes:
    """Return a 16-bit WAV with any rate, channels and size in its header."""
    claim = len(data) if claim is None else claim
    head = struct.pack("<4sI4s", b"RIFF", (36 + claim) & 0xFFFFFFFF, b"WAVE")
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate_hz, rate_hz * channels * 2, channels * 2, 16)
    return head + fmt + struct.pack("<4sI", b"data", claim) + data


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    return encode


@pytest.fixture
def raw_wav() -> Callable[..., bytes]:
    return wav


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(content: bytes, name: str = "sound.bin") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return save


@pytest.fixture
def noise(rng: np.random.Generator) -> Callable[..., Samples]:
    def make(n: int, channels: int | None = None) -> Samples:
        shape = n if channels is None else (n, channels)
        return np.clip(0.2 * rng.standard_normal(shape), -0.99, 0.99).astype(np.float32)

    return make
