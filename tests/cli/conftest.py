"""A fixture that runs a command, and bad sound files with their errors."""

import io
import re
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.cli.main import main


@dataclass(frozen=True)
class Ran:
    """Exit code, stdout and stderr of a command."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The single error sentence on stderr, after what reading left out."""
        *before, last = self.err.splitlines()
        assert [line for line in before if not re.match(r"\d+ \w+ left out: ", line)] == []
        assert last.startswith("auricle: ")
        return last.removeprefix("auricle: ")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use a feature cache of the tests, not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AURICLE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def auricle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command in this process."""

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["auricle", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return Ran(code, captured.out, captured.err)

    return run


def _hum(n: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 0.3 * np.sin(2 * np.pi * 200 * np.arange(n) / 8000) + 0.01 * rng.standard_normal(n)


def _sound(samples: np.ndarray, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    soundfile.write(buffer := io.BytesIO(), samples, 8000, format=kind, subtype=subtype)
    return buffer.getvalue()


def _nan() -> bytes:
    samples = _hum()
    samples[1234] = np.nan
    return _sound(samples, subtype="FLOAT")


def _zero_hertz() -> bytes:
    content = _sound(_hum())
    return content[:24] + bytes(8) + content[32:]


def _claims_more() -> bytes:
    content = _sound(_hum())
    at = content.index(b"data") + 4
    return content[:at] + struct.pack("<I", 1_000_000_000) + content[at + 4 :]


BAD_SOUND: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty.wav": (r"the file is empty \(0 bytes\)", lambda: b""),
    "text.wav": (
        r"not sound that auricle reads .* begins with b'These are notes,",
        lambda: b"These are notes, only.\n",
    ),
    "truncated.wav": (r"is truncated: its header promises 8000 bytes of sound", lambda: _sound(_hum())[:4000]),
    "truncated.flac": (r"damaged", lambda: _sound(_hum(), "FLAC")[:2000]),
    "claims.wav": (r"its header promises 1000000000 bytes of sound, and 8000 are there", _claims_more),
    "nan.wav": (r"every sample must be finite\. Sample 1234 \(0\.154 s\) is nan", _nan),
    "zero_hertz.wav": (r"the sample rate must be from 1 to 1000000 Hz\. Got 0 Hz", _zero_hertz),
    "silence.wav": (r"must hold sound\. Every sample of its 0\.500 s is zero", lambda: _sound(np.zeros(4000))),
    "one_sample.wav": (r"at least one frame", lambda: _sound(_hum(1))),
    "array.wav": (r"at most 32 channels are mixed to one\. Got 64", lambda: _sound(np.ones((4000, 64)))),
}
"""Patterns of the error and makers of the content, by file name."""


@dataclass(frozen=True)
class Bad:
    """A bad sound file, and the pattern of its error."""

    path: Path
    says: str


def _bad(name: str, folder: Path) -> Bad:
    says, make = BAD_SOUND[name]
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(make())
    return Bad(folder / name, says)


@pytest.fixture(params=list(BAD_SOUND))
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Bad:
    """One bad sound file, each in turn."""
    return _bad(request.param, tmp_path / "in")


@pytest.fixture
def every_bad(tmp_path: Path) -> list[Bad]:
    """All bad sound files."""
    return [_bad(name, tmp_path / "in") for name in BAD_SOUND]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for outputs."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def sounds(machine_sounds: Path, tmp_path: Path) -> Path:
    """A copy of the machine sounds that a test may change."""
    return shutil.copytree(machine_sounds.parent, tmp_path / "sounds")
