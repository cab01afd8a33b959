"""Small data sets on disk: silent one-sample WAVs, and arbitrary tables."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile


def _wav() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(1), 8000, format="WAV")
    return buffer.getvalue()


WAV = _wav()


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with these files: sound, unless its content is given."""

    def make(*sounds: str, **texts: str) -> Path:
        for name in sounds:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(WAV)
        for name, text in texts.items():
            (tmp_path / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return tmp_path

    return make
