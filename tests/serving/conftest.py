"""Sound files as bytes, decoder pools, and servers in this process or as a process."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from auricle.runtime import clock
from auricle.serving.app import create_app
from auricle.serving.decoder.messages import DecodeLimits
from auricle.serving.decoder.pool import DecoderPool
from auricle.serving.inference.active_model import register
from auricle.serving.service import Service, open_service
from auricle.serving.settings import Settings
from auricle.store.keys import SCOPES
from auricle.store.store import Store

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
def decoders() -> Iterator[DecoderPool]:
    """Decoders that misbehave where a sound asks for it, and give up soon."""
    pool = DecoderPool(DecodeLimits(wall_s=1.0, max_jobs=20, memory_bytes=1 << 26), program=MISBEHAVING)
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


@dataclass(slots=True)
class Served:
    """A server in this process, and what it serves from."""

    client: TestClient
    service: Service
    store: Store
    keys: dict[str, str] = field(default_factory=dict)
    """A token for each scope, and ``expired`` and ``revoked``, which had all."""

    def headers(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[scope]}"}


@contextmanager
def _served(states_file: Path, folder: Path, *, with_keys: bool, **options: Any) -> Iterator[Served]:
    settings = Settings(keep_audio="all", decode_s=1.0, decode_memory_mb=64, **options)
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(str(folder / "store.db"), patience_s=0.2))
        model = register(store, states_file, who="test", why="")
        keys = _keys(store) if with_keys else {}
        service = open_service(settings, store, model.name, decoder=MISBEHAVING)
        client = stack.enter_context(
            TestClient(create_app(service), base_url="http://127.0.0.1", raise_server_exceptions=False)
        )
        yield Served(client, service, store, keys)


def _keys(store: Store) -> dict[str, str]:
    tokens = {scope: store.keys.create([scope], name=scope)[0] for scope in SCOPES}
    tokens["revoked"], key = store.keys.create(list(SCOPES))
    store.keys.revoke(key.id)
    tokens["expired"], _ = store.keys.create(list(SCOPES), expires=clock.now() + timedelta(milliseconds=1))
    return tokens


@pytest.fixture(scope="session")
def served(states_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on loopback that asks for no keys."""
    with _served(states_file, tmp_path_factory.mktemp("served"), with_keys=False) as found:
        yield found


@pytest.fixture(scope="session")
def guarded(states_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that asks for keys."""
    folder = tmp_path_factory.mktemp("guarded")
    with _served(states_file, folder, with_keys=True, max_streams=3, max_streams_per_key=2) as found:
        yield found


@pytest.fixture
def serve_with(states_file: Path, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start a server in this process with settings of its own."""
    with ExitStack() as stack:

        def start(*, with_keys: bool = False, **options: Any) -> Served:
            return stack.enter_context(_served(states_file, tmp_path, with_keys=with_keys, **options))

        yield start


@dataclass(slots=True)
class Running:
    """``auricle serve`` as a process of its own."""

    process: subprocess.Popen[str]
    url: str
    port: int
    database: Path | str
    """A SQLite file, or a PostgreSQL's URL."""

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def run_server(states_file: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start ``auricle serve`` and wait until it is ready; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*options: str, database: Path | str | None = None) -> Running:
        database = database or tmp_path / "store.db"
        command = ["serve", str(states_file), "--store", str(database), "--port", "0", "--json", *options]
        with (tmp_path / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", "from auricle.cli.main import main; main()", *command],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "AURICLE_SERVE_KEEP_AUDIO": "none"},
            )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (tmp_path / "log").read_text()
        url = json.loads(line)["url"]
        _wait_until_ready(url, process)
        return Running(process, url, int(url.rpartition(":")[2]), database)

    yield run
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError("the server did not become ready")
