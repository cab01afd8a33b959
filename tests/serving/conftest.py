"""Sounds as files' bytes, and decoders for them."""

import io
import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.serving.decoders import Decoders
from auricle.serving.wire import DecodeLimits

MISBEHAVING = (sys.executable, "-P", str(Path(__file__).with_name("misbehaving.py")))


@pytest.fixture(scope="session")
def sound_file() -> Callable[..., bytes]:
    """Make the bytes of a sound file: noise, one channel or more."""

    def make(
        seconds: float = 1.0,
        *,
        rate_hz: int = 8000,
        channels: int = 1,
        form: str = "WAV",
        level: float = 0.1,
        seed: int = 0,
    ) -> bytes:
        noise = np.random.default_rng(seed).standard_normal((round(seconds * rate_hz), channels))
        content = io.BytesIO()
        soundfile.write(content, (level * noise).clip(-1, 1).astype(np.float32), rate_hz, format=form)
        return content.getvalue()

    return make


@pytest.fixture(scope="session")
def giant_flac(sound_file: Callable[..., bytes]) -> bytes:
    """28 KB of FLAC whose header claims 2^36 - 1 samples: 256 GiB of float32."""
    content = bytearray(sound_file(1.0, rate_hz=16_000, form="FLAC"))
    content[21] |= 0x0F  # the top four of 36 bits, in the block STREAMINFO
    content[22:26] = struct.pack(">I", 0xFFFFFFFF)
    return bytes(content)


@pytest.fixture(scope="session")
def endless_vorbis(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Silence longer than is taken, in a small file."""
    path = tmp_path_factory.mktemp("bomb") / "silence.ogg"
    with soundfile.SoundFile(path, "w", 8_000, 1, "VORBIS", format="OGG") as file:
        for _ in range(601):
            file.write(np.zeros(8_000, np.float32))
    return path.read_bytes()


@pytest.fixture(scope="session")
def decoders() -> Iterator[Decoders]:
    """Decoders that misbehave where a sound asks for it, and give up soon."""
    pool = Decoders(DecodeLimits(wall_s=1.0, max_jobs=20, memory_bytes=1 << 26), program=MISBEHAVING)
    yield pool
    pool.close()


@pytest.fixture
def in_memory() -> Iterator[Callable[[bytes], int]]:
    """Put bytes where the server puts a body."""
    opened = []

    def put(content: bytes) -> int:
        descriptor = os.memfd_create("body")
        opened.append(descriptor)
        os.write(descriptor, content)
        return descriptor

    yield put
    for descriptor in opened:
        os.close(descriptor)
