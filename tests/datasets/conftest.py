"""Small data sets on disk: silent one-sample WAVs, and tables that say anything about them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.datasets.dataset import Dataset, Example


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


@pytest.fixture
def labelled() -> Callable[..., Dataset]:
    """Make a data set without files, from answers and groups."""

    def make(
        answers: Sequence[str] | Sequence[float], groups: Sequence[str], folds: Sequence[str] | None = None
    ) -> Dataset:
        examples = tuple(
            Example(
                Path(f"{i}.wav"),
                answer if isinstance(answer, str) else None,
                None if isinstance(answer, str) else answer,
                group,
                fold=folds[i] if folds else None,
            )
            for i, (answer, group) in enumerate(zip(answers, groups, strict=True))
        )
        task = "classify" if isinstance(answers[0], str) else "regress"
        return Dataset(examples, task, source="test set", group_column="site")  # type: ignore[arg-type]

    return make
