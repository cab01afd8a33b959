"""Sounds that are equal bit for bit on every machine, for an earlier version and for this one."""

import hashlib
import json
import shutil
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

DATA = Path(__file__).parent / "data"

_RATE_HZ = 8000
_CLASSES_HZ = {"low": 300.0, "high": 900.0}
_N_A_CLASS = 6


def write_sounds(folder: Path) -> Path:
    """Write ``sounds/``, twelve recordings of half a second in one folder per class, and ``question.wav``, of 1.2 s."""
    rng = np.random.default_rng(11)
    for label, tone_hz in _CLASSES_HZ.items():
        (folder / "sounds" / label).mkdir(parents=True)
        for i in range(_N_A_CLASS):
            samples = _tone(tone_hz * (1 + 0.02 * i), 0.5, _RATE_HZ, rng)
            _write_wav(folder / "sounds" / label / f"{i}.wav", samples, _RATE_HZ)
    _write_wav(folder / "question.wav", _tone(440.0, 1.2, 11_025, rng), 11_025)  # it has to be resampled
    return folder


def sounds_hash(folder: Path) -> str:
    """Return the SHA-256 of all files of `write_sounds`."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(folder.rglob("*.wav")))).hexdigest()


def _tone(tone_hz: float, seconds: float, rate_hz: int, rng: np.random.Generator) -> NDArray[np.int16]:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = 0.3 * np.sin(2 * np.pi * tone_hz * time_s) + 0.05 * rng.standard_normal(time_s.size)
    return np.round(32767 * samples).astype("<i2")


def _write_wav(path: Path, samples: NDArray[np.int16], rate_hz: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())


@pytest.fixture(scope="session")
def data() -> Path:
    """Read-only files that commit 0bdd1ff wrote, see scripts/make_compat.py."""
    return DATA


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    """Predictions and outputs of commit 0bdd1ff for these files."""
    content: dict[str, Any] = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory, expected: dict[str, Any]) -> Path:
    """Folder of sounds, equal to those of the earlier version."""
    folder = write_sounds(tmp_path_factory.mktemp("compat"))
    assert sounds_hash(folder) == expected["sounds"], "NumPy draws or rounds noise in another way than before"
    return folder


@pytest.fixture
def store_url(data: Path, tmp_path: Path) -> str:
    """Copy of the earlier version's store, to open and migrate."""
    shutil.copy(data / "store.sqlite", tmp_path)
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


@dataclass(frozen=True)
class Ran:
    """Exit code and output of a command."""

    code: int
    out: str


@pytest.fixture
def auricle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command in this process."""
    from auricle.cli.main import main

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["auricle", *map(str, arguments)])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        return Ran(code, capsys.readouterr().out)

    return run
